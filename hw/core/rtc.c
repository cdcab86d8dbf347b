/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -rtc for devices: see include/hw/core/rtc.h. */
#include "tandem/base.h"

#include <time.h>

#include "hw/core/rtc.h"

#define NS_PER_S 1000000000ll

int64_t rtc_clock_ns(Machine *m)
{
    return event_clock_ns(m->gate, m->config.rtc_clock);
}

/* "2006-06-17T16:01:21" or "2006-06-17", in UTC, as seconds since 1970. */
static bool parse_date(const char *text, int64_t *seconds)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct tm tm = { 0 };
        const char *end = strptime(text, forms[i], &tm);

        if (end && *end == '\0') {
            *seconds = timegm(&tm);
            return true;
        }
    }
    return false;
}

bool rtc_start_offset_ns(Machine *m, int64_t *offset, Error **errp)
{
    const char *base = m->config.rtc_base ? m->config.rtc_base : "utc";
    int64_t host = event_clock_ns(m->gate, CLOCK_HOST), start;
    int64_t seconds = 0;

    if (strcmp(base, "utc") == 0) {
        start = host;
    } else if (strcmp(base, "localtime") == 0) {
        time_t now = (time_t)(host / NS_PER_S);
        struct tm tm;

        localtime_r(&now, &tm);
        start = host + tm.tm_gmtoff * NS_PER_S;
    } else if (parse_date(base, &seconds)) {
        start = seconds * NS_PER_S;
    } else {
        error_set(errp, "invalid datetime format '%s' of -rtc base", base);
        error_hint(errp, "valid formats: '2006-06-17T16:01:21' or "
                         "'2006-06-17'");
        return false;
    }
    /* The host's clock was read once: no drift between the two terms. */
    *offset =
        start - (m->config.rtc_clock == CLOCK_HOST ? host : rtc_clock_ns(m));
    return true;
}
