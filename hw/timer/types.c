/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/timer/goldfish_rtc.h"
#include "hw/types.h"

const ObjectType *const hw_timer_types[] = {
    TYPE(goldfish_rtc_type),
    NULL,
};
