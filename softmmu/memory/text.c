/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info mtree` and `info mtree -f`, in the layout that scripts know. */
#include "softmmu/memory/internal.h"

static const char *kind_name(const MemoryRegion *mr, bool readonly, bool romd)
{
    switch (mr->kind) {
    case MEMORY_RAM:
        return readonly ? "rom" : "ram";
    case MEMORY_ROM:
        return "rom";
    case MEMORY_ROM_DEVICE:
        return romd ? "romd" : "i/o";
    default:
        return "i/o";
    }
}

static hwaddr last_byte(hwaddr addr, uint64_t size)
{
    return addr + (size == UINT64_MAX ? size : size - (size > 0));
}

typedef struct TreeText {
    GString *out;
    GPtrArray *targets; /* of aliases: shown as trees of their own */
} TreeText;

static void add_target(TreeText *t, MemoryRegion *mr)
{
    if (!g_ptr_array_find(t->targets, mr, NULL)) {
        g_ptr_array_add(t->targets, mr);
    }
}

static int by_address(const void *a, const void *b)
{
    const MemoryRegion *x = *(MemoryRegion *const *)a;
    const MemoryRegion *y = *(MemoryRegion *const *)b;

    return x->addr != y->addr ? (x->addr < y->addr ? -1 : 1)
                              : y->priority - x->priority;
}

static void tree_text(TreeText *t, MemoryRegion *mr, hwaddr start,
                      unsigned indent)
{
    g_autoptr(GPtrArray) sorted = NULL;

    g_string_append_printf(
        t->out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", indent, "",
        start, last_byte(start, mr->size), mr->priority,
        kind_name(mr, mr->readonly, mr->romd));
    if (mr->alias) {
        g_string_append_printf(t->out,
                               "alias %s @%s %016" PRIx64 "-%016" PRIx64,
                               mr->name, mr->alias->name, mr->alias_offset,
                               last_byte(mr->alias_offset, mr->size));
        add_target(t, mr->alias);
    } else {
        g_string_append(t->out, mr->name);
    }
    g_string_append(t->out, mr->enabled ? "\n" : " [disabled]\n");
    if (mr->children == NULL) {
        return;
    }
    sorted = g_ptr_array_copy(mr->children, NULL, NULL);
    g_ptr_array_sort(sorted, by_address);
    for (guint i = 0; i < sorted->len; i++) {
        MemoryRegion *child = sorted->pdata[i];

        tree_text(t, child, start + child->addr, indent + 2);
    }
}

/* Address spaces of one root are named together, above its tree. */
static void trees_text(MemorySystem *ms, GString *out)
{
    g_autoptr(GHashTable) shown = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) targets = g_ptr_array_new();
    TreeText t = { out, targets };

    for (guint i = 0; i < ms->spaces->len; i++) {
        AddressSpace *as = ms->spaces->pdata[i];

        if (!g_hash_table_add(shown, as->root)) {
            continue;
        }
        for (guint j = i; j < ms->spaces->len; j++) {
            AddressSpace *other = ms->spaces->pdata[j];

            if (other->root == as->root) {
                g_string_append_printf(out, "address-space: %s\n", other->name);
            }
        }
        tree_text(&t, as->root, 0, 2);
        g_string_append_c(out, '\n');
    }
    for (guint i = 0; i < targets->len; i++) { /* it grows as we go */
        MemoryRegion *mr = targets->pdata[i];

        g_string_append_printf(out, "memory-region: %s\n", mr->name);
        tree_text(&t, mr, 0, 2);
        g_string_append_c(out, '\n');
    }
}

static void view_text(const FlatView *view, GString *out)
{
    if (view->count == 0) {
        g_string_append(out, "  No rendered FlatView\n");
    }
    for (size_t i = 0; i < view->count; i++) {
        const FlatRange *r = &view->ranges[i];

        g_string_append_printf(
            out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", r->addr,
            last_byte(r->addr, r->size), r->mr->priority,
            kind_name(r->mr, r->readonly, r->romd), r->mr->name);
        if (r->offset) {
            g_string_append_printf(out, " @%016" PRIx64, r->offset);
        }
        g_string_append_c(out, '\n');
    }
}

static void views_text(MemorySystem *ms, GString *out)
{
    g_autoptr(GHashTable) shown = g_hash_table_new(NULL, NULL);
    unsigned n = 0;

    for (guint i = 0; i < ms->spaces->len; i++) {
        AddressSpace *as = ms->spaces->pdata[i];
        MemoryRegion *root = view_root(as->root);

        if (!g_hash_table_add(shown, root)) {
            continue;
        }
        g_string_append_printf(out, "FlatView #%u\n", n++);
        for (guint j = i; j < ms->spaces->len; j++) {
            AddressSpace *other = ms->spaces->pdata[j];

            if (view_root(other->root) == root) {
                g_string_append_printf(out, " AS \"%s\", root: %s\n",
                                       other->name, other->root->name);
            }
        }
        g_string_append_printf(out, " Root memory region: %s\n",
                               root ? root->name : "(none)");
        view_text(as->view, out);
        g_string_append_c(out, '\n');
    }
}

char *memory_system_text(MemorySystem *ms, bool flat)
{
    GString *out = g_string_new(NULL);

    if (flat) {
        views_text(ms, out);
    } else {
        trees_text(ms, out);
    }
    return g_string_free(out, FALSE);
}
