/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of one disk have in common: an image, and drives on it. */
#ifndef TESTS_UNIT_BLOCK_IMAGE_TEST_H
#define TESTS_UNIT_BLOCK_IMAGE_TEST_H

#include "block-test.h"

typedef struct Fixture {
    Bare;
    char *path; /* an image of 1 MiB, byte i is i / 512 */
} Fixture;

static inline Fixture *setup(void)
{
    Fixture *f = g_new0(Fixture, 1);

    bare_init((Bare *)f, block_test_lists);
    f->path = g_build_filename(f->dir, "image", NULL);
    make_image(f->path, 0);
    return f;
}

static inline void teardown(Fixture *f)
{
    g_unlink(f->path);
    g_free(f->path);
    bare_destroy((Bare *)f);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, teardown)

static inline BlockBackend *drive(Fixture *f, const char *options, Error **errp)
{
    g_autofree char *text =
        g_strdup_printf("file=%s,if=none%s", f->path, options);

    return drive_from_text(f->m, text, errp);
}

static inline void assert_drive_refused(Fixture *f, const char *options,
                                        const char *sentence)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(drive(f, options, &err));
    g_assert_nonnull(strstr(error_text(err), sentence));
}

#endif
