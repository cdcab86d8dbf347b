/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

int main(void)
{
    return 0;
}
