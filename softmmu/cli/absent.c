/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options of the reference that do not exist here yet: each is refused by a
 * sentence that names what there is instead.
 */
#include "tandem/base.h"

#include "cli.h"

static const struct {
    const char *names; /* with "|" between */
    const char *why;
} absent[] = {
    { "vnc|spice|full-screen|usb|usbdevice",
      "this build shows no display and has no USB; the closest is -display "
      "none" },
    { "fda|fdb|sd|mtdblock",
      "the machines here have no such drive; the closest is -drive if=virtio" },
    { "fsdev|virtfs|iscsi",
      "no such file system or disk is served; the closest is -blockdev" },
    { "audio|soundhw", "no sound device exists; the closest is -audiodev "
                       "driver=none" },
    { "numa", "the machines here have one NUMA node; the closest is -smp" },
    { "tpmdev", "no TPM exists; the closest is -device" },
    { "shim|option-rom|debugcon|acpitable",
      "no machine here starts so; the closest are -bios and -kernel" },
    { "preconfig", "the machine is built at once; the closest is -S" },
    { "loadvm", "images hold no snapshots here; the closest is -incoming" },
    { "dump-vmstate|only-migratable",
      "every device here saves its state; the closest is the monitor's "
      "migrate" },
    { "plugin", "no plug-ins are loaded; the closest is -trace" },
    { "dfilter", "the log is not filtered by address; the closest is -d" },
    { "echr", "the escape character is Control-a; the closest is -serial "
              "mon:stdio" },
    { "enable-sync-profile", "locks are not profiled; the closest is -trace" },
    { "writeconfig", "it is gone; the closest is -readconfig" },
};

const char *cli_absent(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        g_auto(GStrv) names = g_strsplit(absent[i].names, "|", -1);

        if (g_strv_contains((const char *const *)names, name)) {
            return absent[i].why;
        }
    }
    return NULL;
}
