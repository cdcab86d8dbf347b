/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * HTIF, the host-target interface of the Berkeley boards.
 *
 * Spec:  the protocol that riscv-pk, riscv-tests and OpenSBI's lib/utils/sys
 *        speak: a command is device << 56 | command << 48 | payload in
 *        tohost, which the host clears when it took it; an answer has the
 *        same form in fromhost, which the target clears.
 * Guest: device 0, command 0: an odd payload ends the run with status
 *        payload >> 1, an even one is the address of a system call block of
 *        eight 64-bit words (RV32's only console: write to fd 1 and 2).
 *        Device 1: command 0 asks for a character, command 1 writes one.
 * Omits: the proxy's other system calls; they return -ENOSYS.
 * Locks: every function runs under the machine lock and none blocks.
 */
#include "tandem/base.h"

#include "hw/char/htif.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_char.h"

enum { DEV_SYSCALL = 0, DEV_CONSOLE = 1 };
enum { CONSOLE_GETC = 0, CONSOLE_PUTC = 1 };
enum { SYSCALL_WRITE = 64 }; /* Linux's number, as riscv-pk uses it */
enum { SYSCALL_WORDS = 8, SYSCALL_MAX_WRITE = 64 * KiB };

typedef struct Htif {
    DeviceState parent;
    /* properties */
    CharFrontend fe;
    /* guest state: saved */
    uint64_t tohost, fromhost;
    uint8_t input; /* a character that the target has not asked for */
    bool have_input;
    bool want_input;  /* CONSOLE_GETC waits for one */
    bool have_low;    /* half of tohost came, in two 32-bit stores */
    uint32_t out_len; /* of .out: what the host did not take yet */
    uint32_t out_pos;
    uint8_t *out; /* [SYSCALL_MAX_WRITE] */
    /* wiring */
    MemoryRegion tohost_mmio, fromhost_mmio;
    BottomHalf *bh; /* carries out what tohost asks for */
} Htif;

static uint64_t htif_answer(unsigned dev, unsigned cmd, uint64_t payload)
{
    return (uint64_t)dev << 56 | (uint64_t)cmd << 48 | payload;
}

static void htif_deliver_input(Htif *s)
{
    if (s->want_input && s->have_input && s->fromhost == 0) {
        s->fromhost = htif_answer(DEV_CONSOLE, CONSOLE_GETC, 0x100 | s->input);
        trace_htif_fromhost(s->fromhost);
        s->want_input = s->have_input = false;
        char_accept_input(&s->fe);
    }
}

/* --- output: at most one request at a time, tohost stays set meanwhile --- */

/* True when all is with the host. */
static bool htif_drain(Htif *s)
{
    s->out_pos += (uint32_t)char_write(&s->fe, s->out + s->out_pos,
                                       s->out_len - s->out_pos);
    if (s->out_pos < s->out_len) {
        return false;
    }
    s->out_pos = s->out_len = 0;
    return true;
}

static void htif_finish(Htif *s)
{
    s->tohost = 0;
    s->have_low = false;
}

/* fd, address, length; the result goes into the block's first word. */
static bool htif_sys_write(Htif *s, const uint64_t *arg, int64_t *result)
{
    uint64_t len = MIN(arg[3], SYSCALL_MAX_WRITE);
    MemAttrs attrs = { .device = true };

    if (arg[1] != 1 && arg[1] != 2) {
        *result = -EBADF;
        return true;
    }
    if (dma_read(&s->parent.machine->memory, arg[2], s->out, len, attrs) !=
        MEM_OK) {
        *result = -EFAULT;
        return true;
    }
    s->out_len = (uint32_t)len;
    *result = (int64_t)len;
    return htif_drain(s);
}

/* One block of words at @addr; false: output waits for the host. */
static bool htif_syscall(Htif *s, uint64_t addr)
{
    AddressSpace *as = &s->parent.machine->memory;
    MemAttrs attrs = { .device = true };
    uint8_t block[SYSCALL_WORDS * 8];
    uint64_t arg[SYSCALL_WORDS];
    int64_t result = -ENOSYS;
    bool done = true;

    if (dma_read(as, addr, block, sizeof(block), attrs) != MEM_OK) {
        guest_error(&s->parent, "no memory at 0x%" PRIx64, addr);
        return true;
    }
    for (size_t i = 0; i < SYSCALL_WORDS; i++) {
        arg[i] = ld64_le(block + 8 * i);
    }
    if (arg[0] == SYSCALL_WRITE) {
        done = htif_sys_write(s, arg, &result);
    } else {
        guest_error(&s->parent, "system call %" PRIu64, arg[0]);
    }
    st64_le(block, (uint64_t)result);
    dma_write(as, addr, block, 8, attrs);
    s->fromhost = 1; /* "look at the block" */
    return done;
}

static bool htif_console(Htif *s, unsigned cmd, uint64_t payload)
{
    switch (cmd) {
    case CONSOLE_GETC:
        s->want_input = true;
        htif_deliver_input(s);
        return true;
    case CONSOLE_PUTC:
        s->out[0] = (uint8_t)payload;
        s->out_len = 1;
        return htif_drain(s);
    default:
        guest_error(&s->parent, "console command %u", cmd);
        return true;
    }
}

/* Carry out what tohost holds, outside of the store that put it there. */
static void htif_run(void *opaque)
{
    Htif *s = opaque;
    unsigned dev = (unsigned)bits_get(s->tohost, 56, 8);
    unsigned cmd = (unsigned)bits_get(s->tohost, 48, 8);
    uint64_t payload = bits_get(s->tohost, 0, 48);
    bool done = true;

    if (s->tohost == 0 || s->out_len) {
        return;
    }
    if (dev == DEV_SYSCALL && cmd == 0 && (payload & 1)) {
        machine_request_shutdown(s->parent.machine, CAUSE_GUEST_SHUTDOWN,
                                 (int)(payload >> 1));
    } else if (dev == DEV_SYSCALL && cmd == 0) {
        done = htif_syscall(s, payload);
    } else if (dev == DEV_CONSOLE) {
        done = htif_console(s, cmd, payload);
    } else {
        guest_error(&s->parent, "device %u command %u", dev, cmd);
    }
    if (done) {
        htif_finish(s);
    }
}

/* --- registers --- */

/* The accessed part of a 64-bit word; size is 4 or 8. */
static uint64_t word_part(uint64_t word, hwaddr off, unsigned size)
{
    return size == 8 ? word : bits_get(word, off * 8, 32);
}

static uint64_t word_merge(uint64_t word, hwaddr off, unsigned size,
                           uint64_t value)
{
    return size == 8 ? value : bits_set(word, (unsigned)off * 8, 32, value);
}

static MemResult tohost_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Htif *s = opaque;

    *value = word_part(s->tohost, off, size);
    return MEM_OK;
}

/*
 * RV32 stores two halves, and some programs the low one alone: a command is
 * complete with the high half, or when the low half comes again.
 */
static MemResult tohost_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    Htif *s = opaque;
    bool complete = size == 8 || off == 4 || s->have_low;

    if (s->out_len) {
        guest_error(&s->parent, "tohost written while it is not 0");
        return MEM_OK;
    }
    s->tohost = word_merge(s->tohost, off, size, value);
    s->have_low = !complete && s->tohost != 0;
    trace_htif_tohost(s->tohost);
    if (complete) {
        bh_schedule(s->bh);
    }
    return MEM_OK;
}

static MemResult fromhost_read(void *opaque, hwaddr off, unsigned size,
                               uint64_t *value, MemAttrs attrs)
{
    Htif *s = opaque;

    *value = word_part(s->fromhost, off, size);
    return MEM_OK;
}

static MemResult fromhost_write(void *opaque, hwaddr off, unsigned size,
                                uint64_t value, MemAttrs attrs)
{
    Htif *s = opaque;

    s->fromhost = word_merge(s->fromhost, off, size, value);
    htif_deliver_input(s);
    return MEM_OK;
}

static const MemoryOps tohost_ops = {
    .read = tohost_read,
    .write = tohost_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 4,
    .impl_max = 8,
};
static const MemoryOps fromhost_ops = {
    .read = fromhost_read,
    .write = fromhost_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 4,
    .impl_max = 8,
};

/* --- the character device --- */

static int htif_can_receive(void *opaque)
{
    Htif *s = opaque;

    return s->have_input ? 0 : 1;
}

static void htif_receive(void *opaque, const uint8_t *data, int len)
{
    Htif *s = opaque;

    s->input = data[0];
    s->have_input = true;
    htif_deliver_input(s);
}

static void htif_writable(void *opaque)
{
    Htif *s = opaque;

    if (s->out_len && htif_drain(s)) {
        htif_finish(s);
    }
}

static const CharHandlers htif_handlers = {
    .can_receive = htif_can_receive,
    .receive = htif_receive,
    .writable = htif_writable,
};

/* --- reset, saved state, realize --- */

static void htif_reset_enter(DeviceState *dev)
{
    Htif *s = object_cast(dev, &htif_type);

    bh_cancel(s->bh);
    s->tohost = s->fromhost = 0;
    s->have_input = s->want_input = s->have_low = false;
    s->out_len = s->out_pos = 0;
}

static void htif_reset_hold(DeviceState *dev)
{
    Htif *s = object_cast(dev, &htif_type);

    char_accept_input(&s->fe);
}

static bool htif_post_load(void *obj, int version, Error **errp)
{
    Htif *s = obj;

    if (s->out_pos > s->out_len) {
        error_set(errp, "htif: output position is out of range");
        return false;
    }
    if (s->out_len) {
        htif_writable(s);
    } else if (s->tohost && !s->have_low) {
        bh_schedule(s->bh);
    }
    return true;
}

static const VmField htif_fields[] = {
    VM_U64(Htif, tohost),
    VM_U64(Htif, fromhost),
    VM_U8(Htif, input),
    VM_BOOL(Htif, have_input),
    VM_BOOL(Htif, want_input),
    VM_BOOL(Htif, have_low),
    VM_U32(Htif, out_len),
    VM_U32(Htif, out_pos),
    VM_VARRAY(Htif, out, out_len, SYSCALL_MAX_WRITE),
    { 0 },
};
static const VmState htif_vmstate = {
    .name = "riscv.htif.uart",
    .version = 1,
    .fields = htif_fields,
    .post_load = htif_post_load,
};

static const Property htif_props[] = { PROP_CHARDEV(Htif, fe), { 0 } };

static bool htif_realize(DeviceState *dev, Error **errp)
{
    Htif *s = object_cast(dev, &htif_type);
    g_autofree char *path = device_path(dev);

    if (!char_attach(&s->fe, s->fe.chr, dev->machine->gate, dev->machine->loop,
                     path, &htif_handlers, s, errp)) {
        return false;
    }
    s->out = g_malloc(SYSCALL_MAX_WRITE);
    s->bh = bh_new(dev->machine->loop, htif_run, s);
    memory_region_init_io(&s->tohost_mmio, dev, &tohost_ops, s,
                          "riscv.htif.tohost", 8);
    memory_region_init_io(&s->fromhost_mmio, dev, &fromhost_ops, s,
                          "riscv.htif.fromhost", 8);
    device_add_mmio(dev, &s->tohost_mmio);
    device_add_mmio(dev, &s->fromhost_mmio);
    return true;
}

static void htif_unrealize(DeviceState *dev)
{
    Htif *s = object_cast(dev, &htif_type);

    char_detach(&s->fe);
    g_clear_pointer(&s->bh, bh_free);
    g_clear_pointer(&s->out, g_free);
    memory_region_destroy(&s->tohost_mmio);
    memory_region_destroy(&s->fromhost_mmio);
}

const DeviceType htif_type = {
    .name = "riscv.htif.uart",
    .parent = TYPE(device_type),
    .description = "RISC-V host-target interface",
    .size = sizeof(Htif),
    .props = htif_props,
    .realize = htif_realize,
    .unrealize = htif_unrealize,
    .reset_enter = htif_reset_enter,
    .reset_hold = htif_reset_hold,
    .vmstate = &htif_vmstate,
};
