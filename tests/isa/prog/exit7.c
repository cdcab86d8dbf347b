/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Must end with 7: shows that a failing program fails. */
#include "isa.h"

int main(void)
{
    return 7;
}
