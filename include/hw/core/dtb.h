/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device trees that boards build, over libfdt: a tree that grows as needed,
 * addressed by path. Mistakes in calls are our own bugs and assert; a tree
 * from a file is checked before it is used.
 *
 * Spec:  Devicetree Specification 0.4.
 * Locks: none; a tree belongs to who made it.
 */
#ifndef HW_CORE_DTB_H
#define HW_CORE_DTB_H

#include "tandem/base.h"

typedef struct Dtb {
    void *blob; /* for libfdt */
    int size;   /* of the buffer, bytes */
    uint32_t next_phandle;
} Dtb;

Dtb *dtb_new(void);
/* A tree from a file; NULL with an error. */
Dtb *dtb_from_file(const char *file, Error **errp);
void dtb_free(Dtb *dtb);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dtb, dtb_free)

/* Add node @path; its parent exists. A node that is there stays. */
void dtb_add_node(Dtb *dtb, const char *path);
void dtb_add_nodef(Dtb *dtb, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
bool dtb_has_node(const Dtb *dtb, const char *path);
/* Make sure that @bytes can be added to the raw blob. */
void dtb_reserve(Dtb *dtb, int bytes);

void dtb_set(Dtb *dtb, const char *path, const char *prop, const void *data,
             int len);
void dtb_set_empty(Dtb *dtb, const char *path, const char *prop);
void dtb_set_str(Dtb *dtb, const char *path, const char *prop,
                 const char *value);
/* Several strings, NULL-terminated. */
void dtb_set_strs(Dtb *dtb, const char *path, const char *prop,
                  const char *const *values);
void dtb_set_u32(Dtb *dtb, const char *path, const char *prop, uint32_t value);
void dtb_set_u64(Dtb *dtb, const char *path, const char *prop, uint64_t value);
void dtb_set_cells(Dtb *dtb, const char *path, const char *prop,
                   const uint32_t *cells, size_t n);
/* DTB_CELLS(d, path, "interrupts", 10, 4) */
#define DTB_CELLS(dtb, path, prop, ...)                                        \
    dtb_set_cells((dtb), (path), (prop), (const uint32_t[]){ __VA_ARGS__ },    \
                  sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)
/* "reg" of pairs {address, size} in two cells each. */
void dtb_set_reg(Dtb *dtb, const char *path, const uint64_t *pairs,
                 size_t n_pairs);

/* A property's value, or NULL. */
const void *dtb_get(const Dtb *dtb, const char *path, const char *prop,
                    int *len);
/* A phandle that no node has yet; and give it to node @path. */
uint32_t dtb_new_phandle(Dtb *dtb);
uint32_t dtb_give_phandle(Dtb *dtb, const char *path);

/* The finished tree, packed; belongs to @dtb until it is changed. */
const void *dtb_pack(Dtb *dtb, uint32_t *len);
bool dtb_write_file(Dtb *dtb, const char *file, Error **errp);

#endif
