/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory slots from flat views, told to a kernel of ours, which has the rules
 * of api.rst 4.35: whole pages, no overlap, a slot is removed before its number
 * is used anew. No /dev/kvm is needed.
 */
#include "bare-machine.h"

#include "accel/kvm/internal.h"
#include "softmmu/loop/iothread.h"
#include "softmmu/machine/create.h"
#include "softmmu/memory/backend.h"

enum { PAGE = 4096, PAGES = 16, SLOTS = 8 };

static struct kvm_userspace_memory_region kernel[SLOTS];
static unsigned held, changes_outside, ring_resets, most = SLOTS;
static uint64_t dirty_log; /* of any slot, by page */

/* --- what memory.c asks of the rest of the engine --- */

void kvm_hold(KvmVm *vm)
{
    held++;
}

void kvm_release(KvmVm *vm)
{
    held--;
}

int kvm_capability(KvmVm *vm, int cap)
{
    return 0;
}

static int set_slot(const struct kvm_userspace_memory_region *r)
{
    struct kvm_userspace_memory_region *k = &kernel[r->slot];

    g_assert_cmpuint(r->slot, <, most);
    if (r->memory_size == 0) {
        g_assert_cmpuint(k->memory_size, >, 0);
        changes_outside += held == 0;
        *k = (struct kvm_userspace_memory_region){ 0 };
        return 0;
    }
    g_assert_cmpuint(r->guest_phys_addr % PAGE, ==, 0);
    g_assert_cmpuint(r->memory_size % PAGE, ==, 0);
    g_assert_cmpuint(r->userspace_addr % PAGE, ==, 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        g_assert_true(i == r->slot || !kernel[i].memory_size ||
                      kernel[i].guest_phys_addr + kernel[i].memory_size <=
                          r->guest_phys_addr ||
                      r->guest_phys_addr + r->memory_size <=
                          kernel[i].guest_phys_addr);
    }
    *k = *r;
    return 0;
}

int kvm_vm_ioctl(KvmVm *vm, unsigned long request, void *arg)
{
    struct kvm_dirty_log *log = arg;

    switch (request) {
    case KVM_SET_USER_MEMORY_REGION:
        return set_slot(arg);
    case KVM_GET_DIRTY_LOG:
        memcpy(log->dirty_bitmap, &dirty_log, sizeof(dirty_log));
        dirty_log = 0;
        return 0;
    case KVM_RESET_DIRTY_RINGS:
        ring_resets++;
        return 0;
    default:
        return -EINVAL;
    }
}

/* --- the machine --- */

typedef struct Slots {
    Bare bare;
    KvmVm *vm;
    RamBlock *block;
    MemoryRegion ram, over;
} Slots;

static const ObjectType *const bare_types[] = { TYPE(bare_type), NULL };
static const ObjectType *const *const type_lists[] = {
    machine_types, memory_types, loop_types, bare_types, NULL,
};

static Slots *setup(void)
{
    Slots *s = g_new0(Slots, 1);
    RamConfig cfg = { .size = PAGES * PAGE };

    memset(kernel, 0, sizeof(kernel));
    changes_outside = ring_resets = 0;
    most = SLOTS;
    bare_init(&s->bare, type_lists);
    s->block = ram_block_new(s->bare.m->ms, "ram", &cfg, NULL);
    memory_region_init_ram(&s->ram, NULL, "ram", s->block);
    memory_region_init_io(&s->over, NULL, NULL, NULL, "over", PAGE);
    s->vm = g_new0(KvmVm, 1);
    s->vm->machine = s->bare.m;
    s->vm->max_slots = SLOTS;
    s->vm->vcpus = g_ptr_array_new();
    lock_init(&s->vm->ring_lock);
    g_assert_true(kvm_memory_init(s->vm, NULL));
    memory_region_add(&s->bare.m->system, 0, &s->ram);
    return s;
}

static void teardown(Slots *s)
{
    MemoryRegion *system = &s->bare.m->system;

    if (s->over.parent) {
        memory_region_del(system, &s->over);
    }
    memory_region_del(system, &s->ram);
    kvm_memory_free(s->vm);
    memory_region_destroy(&s->over);
    memory_region_destroy(&s->ram);
    ram_block_free(NULL, s->block);
    g_ptr_array_unref(s->vm->vcpus);
    lock_destroy(&s->vm->ring_lock);
    g_free(s->vm);
    g_assert_cmpuint(changes_outside, ==, 0);
    bare_destroy(&s->bare);
    g_free(s);
}

/* A letter for each page from 0 on: r, R (read-only), . (exits), ! (the wrong
 * memory). */
static void expect_map(const Slots *s, const char *map)
{
    for (unsigned page = 0; page < PAGES; page++) {
        uint64_t at = (uint64_t)page * PAGE;
        char is = '.';

        for (unsigned i = 0; i < SLOTS; i++) {
            const struct kvm_userspace_memory_region *k = &kernel[i];

            if (at - k->guest_phys_addr < k->memory_size) {
                bool right = k->userspace_addr + at - k->guest_phys_addr ==
                             (uintptr_t)s->block->host + at;

                is = !right ? '!' : k->flags & KVM_MEM_READONLY ? 'R' : 'r';
            }
        }
        g_assert_cmpint(is, ==, map[page]);
    }
}

static unsigned count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        n += kernel[i].memory_size > 0;
    }
    return n;
}

/* --- tests --- */

static void device_over_ram_splits_its_slot(void)
{
    Slots *s = setup();

    expect_map(s, "rrrrrrrrrrrrrrrr");
    memory_region_add_overlap(&s->bare.m->system, 4 * PAGE, &s->over, 1);
    expect_map(s, "rrrr.rrrrrrrrrrr");
    g_assert_cmpuint(count(), ==, 2);
    memory_region_set_address(&s->over, 9 * PAGE);
    expect_map(s, "rrrrrrrrr.rrrrrr");
    memory_region_set_enabled(&s->over, false);
    expect_map(s, "rrrrrrrrrrrrrrrr");
    g_assert_cmpuint(count(), ==, 1);
    teardown(s);
}

static void parts_of_pages_are_left_to_exits(void)
{
    Slots *s = setup();

    memory_region_set_size(&s->over, 16);
    memory_region_add_overlap(&s->bare.m->system, 4 * PAGE + 8, &s->over, 1);
    expect_map(s, "rrrr.rrrrrrrrrrr");
    memory_region_set_address(&s->over, 6 * PAGE - 8); /* in two pages */
    expect_map(s, "rrrrr..rrrrrrrrr");
    memory_region_set_enabled(&s->over, false);
    memory_region_set_size(&s->ram, 3 * PAGE + 100);
    expect_map(s, "rrr.............");
    memory_region_set_address(&s->ram, 100); /* host and guest differ */
    expect_map(s, "................");
    teardown(s);
}

static void read_only_changes_the_slot(void)
{
    Slots *s = setup();
    MemoryRegion rom;

    memory_region_init_alias(&rom, NULL, "rom", &s->ram, 2 * PAGE, 3 * PAGE);
    memory_region_set_readonly(&rom, true);
    memory_region_add_overlap(&s->bare.m->system, 2 * PAGE, &rom, 1);
    expect_map(s, "rrRRRrrrrrrrrrrr");
    memory_region_set_readonly(&rom, false);
    expect_map(s, "rrrrrrrrrrrrrrrr");
    memory_region_del(&s->bare.m->system, &rom);
    memory_region_destroy(&rom);
    teardown(s);
}

/* The rest works by exits, and comes back as soon as there is room. */
static void no_slot_is_left(void)
{
    Slots *s = setup();

    most = s->vm->max_slots = 1;
    memory_region_add_overlap(&s->bare.m->system, 4 * PAGE, &s->over, 1);
    expect_map(s, "rrrr............");
    memory_region_set_enabled(&s->over, false);
    expect_map(s, "rrrrrrrrrrrrrrrr");
    teardown(s);
}

/* Taken since the last time, by page. */
static uint64_t dirty_pages(Slots *s)
{
    uint64_t words[1] = { 0 };

    ram_dirty_take(s->block, DIRTY_MIGRATION, 0, 1, words);
    return words[0];
}

/* What the kernel logged of a slot that goes is not lost. */
static void a_split_keeps_what_is_dirty(void)
{
    Slots *s = setup();

    ram_dirty_start(s->bare.m->ms, DIRTY_MIGRATION, false);
    g_assert_cmpuint(kernel[0].flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    dirty_log = BIT(1) | BIT(9);
    memory_region_add_overlap(&s->bare.m->system, 4 * PAGE, &s->over, 1);
    expect_map(s, "rrrr.rrrrrrrrrrr");
    g_assert_cmphex(dirty_pages(s), ==, BIT(1) | BIT(9));
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(kernel[i].flags, ==, KVM_MEM_LOG_DIRTY_PAGES);
    }
    ram_dirty_stop(s->bare.m->ms, DIRTY_MIGRATION);
    g_assert_cmpuint(kernel[0].flags | kernel[1].flags, ==, 0);
    teardown(s);
}

/* The same of a ring, whose entries name a slot by a number that another may
 * have afterwards. */
static void a_split_empties_the_rings(void)
{
    enum { RING = 64 };
    Slots *s = setup();
    struct kvm_dirty_gfn ring[RING] = { 0 };
    KvmVcpu vcpu = { .vm = s->vm, .ring = ring };

    s->vm->ring_pages = RING;
    g_ptr_array_add(s->vm->vcpus, &vcpu);
    ram_dirty_start(s->bare.m->ms, DIRTY_MIGRATION, false);
    ring[0] = (struct kvm_dirty_gfn){ KVM_DIRTY_GFN_F_DIRTY, 0, 12 };
    ring[1] = (struct kvm_dirty_gfn){ KVM_DIRTY_GFN_F_DIRTY, 7, 12 };
    memory_region_add_overlap(&s->bare.m->system, 4 * PAGE, &s->over, 1);
    g_assert_cmphex(dirty_pages(s), ==, BIT(12));
    g_assert_cmpuint(ring[0].flags, ==, KVM_DIRTY_GFN_F_RESET);
    g_assert_cmpuint(ring_resets, >, 0);
    ram_dirty_stop(s->bare.m->ms, DIRTY_MIGRATION);
    g_ptr_array_set_size(s->vm->vcpus, 0);
    teardown(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm-slots/split", device_over_ram_splits_its_slot);
    g_test_add_func("/kvm-slots/parts", parts_of_pages_are_left_to_exits);
    g_test_add_func("/kvm-slots/read-only", read_only_changes_the_slot);
    g_test_add_func("/kvm-slots/limit", no_slot_is_left);
    g_test_add_func("/kvm-slots/dirty-log", a_split_keeps_what_is_dirty);
    g_test_add_func("/kvm-slots/dirty-ring", a_split_empties_the_rings);
    return g_test_run();
}
