/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device tree that a user brings (`-dtb`): refused, or safe to read, to
 * change and to pack as a board does.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>

#include "hw/core/dtb.h"

/* What boards do to a tree of the user: command line and initrd. */
static void change(Dtb *dtb)
{
    int len = 0;
    uint32_t size;

    dtb_get(dtb, "/", "compatible", &len);
    dtb_get(dtb, "/cpus", "timebase-frequency", &len);
    if (!dtb_has_node(dtb, "/chosen")) {
        dtb_add_node(dtb, "/chosen");
    }
    dtb_set_str(dtb, "/chosen", "bootargs", "console=ttyS0");
    dtb_set_u64(dtb, "/chosen", "linux,initrd-start", 0x84000000);
    g_assert_nonnull(dtb_pack(dtb, &size));
    g_assert_cmpuint(size, >, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz-dtb", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    Error *err = NULL;
    Dtb *dtb;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, size);
    dtb = dtb_from_file(path, &err);
    g_assert_true((dtb == NULL) == (err != NULL));
    if (dtb) {
        change(dtb);
        dtb_free(dtb);
    }
    error_free(err);
    close(fd);
    return 0;
}
