/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SiFive test finisher: power off, exit status, reset.
 *
 * Spec:  SiFive test finisher as OpenSBI's sifive_test and the devicetree
 *        bindings power/reset/syscon-{poweroff,reboot}.yaml use it: bits 0
 *        to 15 the command, 16 to 31 its code.
 * Guest: one window of 4 KiB with one register.
 * Locks: every function runs under the machine lock and none blocks.
 */
#include "tandem/base.h"

#include "hw/misc/sifive_test.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_misc.h"

enum {
    FINISHER_FAIL = 0x3333,
    FINISHER_PASS = 0x5555,
    FINISHER_RESET = 0x7777,
};

typedef struct SifiveTest {
    DeviceState parent;
    /* wiring */
    MemoryRegion mmio;
} SifiveTest;

static MemResult sifive_test_read(void *opaque, hwaddr off, unsigned size,
                                  uint64_t *value, MemAttrs attrs)
{
    *value = 0;
    return MEM_OK;
}

static MemResult sifive_test_write(void *opaque, hwaddr off, unsigned size,
                                   uint64_t value, MemAttrs attrs)
{
    SifiveTest *s = opaque;
    Machine *m = s->parent.machine;
    unsigned code = (unsigned)bits_get(value, 16, 16);

    trace_sifive_test_write(off, value);
    if (off != 0) {
        guest_error(&s->parent, "write of no register at 0x%" PRIx64, off);
        return MEM_OK;
    }
    switch (bits_get(value, 0, 16)) {
    case FINISHER_FAIL:
        machine_request_shutdown(m, CAUSE_GUEST_SHUTDOWN, (int)code);
        break;
    case FINISHER_PASS:
        machine_request_shutdown(m, CAUSE_GUEST_SHUTDOWN, 0);
        break;
    case FINISHER_RESET:
        machine_request_reset(m, CAUSE_GUEST_RESET);
        break;
    default:
        guest_error(&s->parent, "unknown command 0x%" PRIx64, value);
        break;
    }
    return MEM_OK;
}

static const MemoryOps sifive_test_ops = {
    .read = sifive_test_read,
    .write = sifive_test_write,
    .endian = MEM_LITTLE,
    .valid_min = 2,
    .valid_max = 4,
};

static bool sifive_test_realize(DeviceState *dev, Error **errp)
{
    SifiveTest *s = object_cast(dev, &sifive_test_type);

    memory_region_init_io(&s->mmio, dev, &sifive_test_ops, s,
                          "riscv.sifive.test", 0x1000);
    device_add_mmio(dev, &s->mmio);
    return true;
}

static void sifive_test_unrealize(DeviceState *dev)
{
    SifiveTest *s = object_cast(dev, &sifive_test_type);

    memory_region_destroy(&s->mmio);
}

/* It has no state: a command is carried out at once. */
static const VmField sifive_test_fields[] = { { 0 } };
static const VmState sifive_test_vmstate = {
    .name = "riscv.sifive.test",
    .version = 1,
    .fields = sifive_test_fields,
};

const DeviceType sifive_test_type = {
    .name = "riscv.sifive.test",
    .parent = TYPE(device_type),
    .description = "SiFive test finisher",
    .size = sizeof(SifiveTest),
    .realize = sifive_test_realize,
    .unrealize = sifive_test_unrealize,
    .vmstate = &sifive_test_vmstate,
};
