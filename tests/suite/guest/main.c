/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suite.h"

int main(void);
int main(void)
{
    bool balloon_on_pci;

    irq_init();
    suite_serial();
    balloon_on_pci = suite_fw_cfg();
    suite_balloon(balloon_on_pci);
    suite_panic();
    for (int pci = 0; pci < 2; pci++) {
        suite_rng(pci);
        suite_queues(pci);
        suite_blk(pci);
        suite_console(pci);
        suite_hostile(pci);
    }
    suite_net();
    say("END\n");
    finish();
}
