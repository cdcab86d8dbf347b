/* SPDX-License-Identifier: GPL-2.0-or-later */
/* argv[0] picks who we are (DECISIONS 12). */
#include "tandem/base.h"

#include "cli.h"

static const char *const arches[] = { "riscv64", "riscv32", "x86_64", NULL };

static const char *find_arch(const char *name)
{
    for (const char *const *a = arches; *a; a++) {
        if (strcmp(*a, name) == 0) {
            return *a;
        }
    }
    return NULL;
}

static const struct {
    const char *prefix;
    bool qemu;
} systems[] = {
    { "qemu-system-", true },
    { "tandem-system-", true },
};

Personality personality_from_argv(int argc, char **argv, int *used)
{
    const char *slash = strrchr(argv[0], '/');
    const char *base = slash ? slash + 1 : argv[0];

    *used = 1;
    for (size_t i = 0; i < ARRAY_SIZE(systems); i++) {
        const char *arch;

        if (!g_str_has_prefix(base, systems[i].prefix)) {
            continue;
        }
        arch = find_arch(base + strlen(systems[i].prefix));
        if (arch) {
            return (Personality){ base, arch, systems[i].qemu };
        }
    }
    if (argc >= 3 && strcmp(argv[1], "system") == 0 && find_arch(argv[2])) {
        *used = 3;
        return (Personality){ "tandem", find_arch(argv[2]), true };
    }
    return (Personality){ "tandem", NULL, false };
}
