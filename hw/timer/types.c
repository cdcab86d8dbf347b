/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "hw/timer/goldfish_rtc.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/types.h"

const ObjectType *const hw_timer_types[] = {
    TYPE(goldfish_rtc_type),
    TYPE(i8254_type),
    TYPE(mc146818_type),
    NULL,
};
