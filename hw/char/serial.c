/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * 16550A UART: the chip.
 *
 * Spec:  National Semiconductor PC16550D data sheet (June 1995); section
 *        numbers below are its own.
 * Guest: 8 registers of 8 bits, two of them behind DLAB; one level line.
 * Locks: every function runs under the machine lock and none blocks.
 */
#include "tandem/base.h"

#include "hw/char/serial.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_char.h"

enum { /* 8.0, table II */
       R_RBR_THR_DLL = 0,
       R_IER_DLM = 1,
       R_IIR_FCR = 2,
       R_LCR = 3,
       R_MCR = 4,
       R_LSR = 5,
       R_MSR = 6,
       R_SCR = 7,
};
enum { /* 8.7 */
       IER_ERBFI = 0x01,
       IER_ETBEI = 0x02,
       IER_ELSI = 0x04,
       IER_EDSSI = 0x08,
};
enum { /* 8.6, table IV */
       IIR_NONE = 0x01,
       IIR_MODEM = 0x00,
       IIR_THRE = 0x02,
       IIR_RDA = 0x04,
       IIR_LINE = 0x06,
       IIR_TIMEOUT = 0x0c,
       IIR_FIFOS = 0xc0,
};
enum { /* 8.5 */
       FCR_ENABLE = 0x01,
       FCR_RX_RESET = 0x02,
       FCR_TX_RESET = 0x04,
       FCR_DMA = 0x08,
       FCR_TRIGGER = 0xc0,
};
enum { /* 8.1 */
       LCR_WLS = 0x03,
       LCR_STB = 0x04,
       LCR_PEN = 0x08,
       LCR_EPS = 0x10,
       LCR_BREAK = 0x40,
       LCR_DLAB = 0x80,
};
enum { /* 8.8 */
       MCR_DTR = 0x01,
       MCR_RTS = 0x02,
       MCR_OUT1 = 0x04,
       MCR_OUT2 = 0x08,
       MCR_LOOP = 0x10,
       MCR_ALL = 0x1f,
};
enum { /* 8.4 */
       LSR_DR = 0x01,
       LSR_OE = 0x02,
       LSR_PE = 0x04,
       LSR_FE = 0x08,
       LSR_BI = 0x10,
       LSR_THRE = 0x20,
       LSR_TEMT = 0x40,
       LSR_FIFO_ERROR = 0x80,
       LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
};
enum { /* 8.9 */
       MSR_DCTS = 0x01,
       MSR_DDSR = 0x02,
       MSR_TERI = 0x04,
       MSR_DDCD = 0x08,
       MSR_DELTA = 0x0f,
       MSR_CTS = 0x10,
       MSR_DSR = 0x20,
       MSR_RI = 0x40,
       MSR_DCD = 0x80,
};

#define NS_PER_S 1000000000ll

static bool fifo_mode(const Serial16550 *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned fifo_depth(const Serial16550 *s)
{
    return fifo_mode(s) ? SERIAL_FIFO : 1;
}

/* Characters in the receiver that raise RDA (8.5, bits 6 and 7). */
static unsigned rx_trigger(const Serial16550 *s)
{
    static const uint8_t level[4] = { 1, 4, 8, 14 };

    return fifo_mode(s) ? level[s->fcr >> 6] : 1;
}

/* Bits of one character on the line, start and stop bits included; twice, as
 * there may be one and a half stop bits (8.1). */
static unsigned char_half_bits(const Serial16550 *s)
{
    unsigned data = 5 + (s->lcr & LCR_WLS);
    unsigned stop2 = !(s->lcr & LCR_STB) ? 2 : data == 5 ? 3 : 4;

    return 2 * (1 + data + !!(s->lcr & LCR_PEN)) + stop2;
}

static int64_t char_time_ns(const Serial16550 *s)
{
    unsigned divisor = s->divisor ? s->divisor : 1;

    return NS_PER_S * divisor * char_half_bits(s) / 2 / s->baudbase;
}

/* --- interrupts: 8.6 --- */

/* What IIR shows in bits 0 to 3: the pending source of highest priority. */
static uint8_t serial_iir(const Serial16550 *s)
{
    if ((s->ier & IER_ELSI) && (s->lsr & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((s->ier & IER_ERBFI) && s->rx_count >= rx_trigger(s)) {
        return IIR_RDA;
    }
    if ((s->ier & IER_ERBFI) && s->timeout) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_ETBEI) && s->thre_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_EDSSI) && (s->msr & MSR_DELTA)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void serial_update(Serial16550 *s)
{
    irq_set(&s->irq, serial_iir(s) != IIR_NONE);
}

/* --- receiver --- */

/* LSR follows the character at the top of the FIFO (8.4). */
static void rx_show_top(Serial16550 *s)
{
    s->lsr &= (uint8_t) ~(LSR_DR | LSR_FIFO_ERROR);
    if (s->rx_count == 0) {
        return;
    }
    s->lsr |= LSR_DR | s->rx_error[s->rx_head];
    for (unsigned i = 0; fifo_mode(s) && i < s->rx_count; i++) {
        if (s->rx_error[(s->rx_head + i) % SERIAL_FIFO]) {
            s->lsr |= LSR_FIFO_ERROR;
        }
    }
}

/* Four character times without a read or an arrival, with data below the
 * trigger, or any data (10.0, RCVR FIFO time-out). */
static void rx_restart_timeout(Serial16550 *s)
{
    if (!fifo_mode(s) || s->rx_count == 0) {
        timer_cancel(&s->timeout_timer);
        return;
    }
    timer_set(&s->timeout_timer,
              event_clock_ns(s->dev->machine->gate, CLOCK_VIRTUAL) +
                  4 * char_time_ns(s));
}

static void rx_timed_out(void *opaque)
{
    Serial16550 *s = opaque;

    if (s->rx_count) {
        s->timeout = true;
        serial_update(s);
    }
}

/* A character arrives, with LSR error bits; an overrun destroys the newest in
 * the shift register, or the one in RBR without FIFOs (8.4, bit 1). */
static void rx_push(Serial16550 *s, uint8_t byte, uint8_t error)
{
    if (s->rx_count >= fifo_depth(s)) {
        s->lsr |= LSR_OE;
        if (fifo_mode(s)) {
            return;
        }
        s->rx_count = 0;
    }
    unsigned slot = (s->rx_head + s->rx_count) % SERIAL_FIFO;

    s->rx[slot] = byte;
    s->rx_error[slot] = error;
    s->rx_count++;
    rx_show_top(s);
    rx_restart_timeout(s);
}

static void rx_clear(Serial16550 *s)
{
    s->rx_head = s->rx_count = 0;
    s->timeout = false;
    s->lsr &= (uint8_t) ~(LSR_DR | LSR_FIFO_ERROR | LSR_BI | LSR_FE | LSR_PE);
    timer_cancel(&s->timeout_timer);
}

static uint8_t rx_pop(Serial16550 *s)
{
    uint8_t byte = s->rx[s->rx_head]; /* empty: the last one again */

    if (s->rx_count == 0) {
        return byte;
    }
    s->rx_error[s->rx_head] = 0;
    if (s->rx_count > 1 || fifo_mode(s)) {
        s->rx_head = (s->rx_head + 1) % SERIAL_FIFO;
    }
    s->rx_count--;
    s->timeout = false;
    rx_show_top(s);
    rx_restart_timeout(s);
    serial_update(s);
    char_accept_input(&s->fe);
    return byte;
}

static int serial_can_receive(void *opaque)
{
    Serial16550 *s = opaque;

    if (s->mcr & MCR_LOOP) {
        return 0; /* SIN is disconnected: 8.8 */
    }
    return (int)(fifo_depth(s) - MIN(s->rx_count, fifo_depth(s)));
}

static void serial_receive(void *opaque, const uint8_t *data, int len)
{
    Serial16550 *s = opaque;

    for (int i = 0; i < len; i++) {
        trace_serial_rx(data[i]);
        rx_push(s, data[i], 0);
    }
    serial_update(s);
}

static void serial_event(void *opaque, CharEvent ev)
{
    Serial16550 *s = opaque;

    if (ev == CHAR_BREAK && !(s->mcr & MCR_LOOP)) {
        rx_push(s, 0, LSR_BI); /* one zero character: 8.4, bit 4 */
        serial_update(s);
    }
}

/* --- transmitter --- */

/* Hand on what the other side takes; the rest shows as no THRE. */
static void tx_drain(Serial16550 *s)
{
    bool had_data = s->tx_count != 0;

    while (s->tx_count) {
        unsigned run = MIN(s->tx_count, SERIAL_FIFO - s->tx_head);
        size_t taken = char_write(&s->fe, &s->tx[s->tx_head], run);

        s->tx_head = (uint8_t)((s->tx_head + taken) % SERIAL_FIFO);
        s->tx_count -= (uint8_t)taken;
        if (taken < run) {
            break;
        }
    }
    if (s->tx_count == 0) {
        s->lsr |= LSR_THRE | LSR_TEMT;
        s->thre_pending |= had_data;
    }
}

static void serial_writable(void *opaque)
{
    Serial16550 *s = opaque;

    tx_drain(s);
    serial_update(s);
}

static void tx_push(Serial16550 *s, uint8_t byte)
{
    trace_serial_tx(byte);
    s->thre_pending = false;
    if (s->mcr & MCR_LOOP) { /* SOUT is looped into the receiver: 8.8 */
        rx_push(s, byte, 0);
        s->thre_pending = true;
        return;
    }
    if (s->tx_count >= fifo_depth(s)) {
        guest_error(s->dev, "THR written while it is full");
        return;
    }
    s->tx[(s->tx_head + s->tx_count) % SERIAL_FIFO] = byte;
    s->tx_count++;
    s->lsr &= (uint8_t) ~(LSR_THRE | LSR_TEMT);
    tx_drain(s);
}

/* --- modem lines: 8.8, 8.9 --- */

/* Inputs of the modem status register: the looped outputs, else a line that
 * is always there. */
static void modem_update(Serial16550 *s)
{
    uint8_t now = MSR_CTS | MSR_DSR | MSR_DCD, changed;

    if (s->mcr & MCR_LOOP) {
        now = (s->mcr & MCR_RTS ? MSR_CTS : 0) |
              (s->mcr & MCR_DTR ? MSR_DSR : 0) |
              (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
              (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
    }
    changed = (uint8_t)((s->msr ^ now) & ~MSR_DELTA);
    if (!(s->msr & MSR_RI) || (now & MSR_RI)) {
        changed &= (uint8_t)~MSR_RI; /* TERI: trailing edge only */
    }
    s->msr = now | (s->msr & MSR_DELTA) | (changed >> 4);
}

static void line_params_changed(Serial16550 *s)
{
    CharSerialParams p = {
        .speed = (int)(s->baudbase / (s->divisor ? s->divisor : 1)),
        .parity = !(s->lcr & LCR_PEN) ? 'N'
                  : s->lcr & LCR_EPS  ? 'E'
                                      : 'O',
        .data_bits = 5 + (s->lcr & LCR_WLS),
        .stop_bits = s->lcr & LCR_STB ? 2 : 1,
    };

    char_set_params(&s->fe, &p);
}

/* --- registers --- */

static uint8_t iir_read(Serial16550 *s, bool debug)
{
    uint8_t iir = serial_iir(s);

    if (iir == IIR_THRE && !debug) {
        s->thre_pending = false; /* table IV: reading IIR resets it */
        serial_update(s);
    }
    return iir | (fifo_mode(s) ? IIR_FIFOS : 0);
}

/* Error bits go with the read (8.4); the FIFO keeps none of the top one. */
static uint8_t lsr_read(Serial16550 *s, bool debug)
{
    uint8_t lsr = s->lsr;

    if (!debug && (lsr & LSR_ERRORS)) {
        s->lsr &= (uint8_t)~LSR_ERRORS;
        if (s->rx_count) {
            s->rx_error[s->rx_head] = 0;
        }
        rx_show_top(s);
        serial_update(s);
    }
    return lsr;
}

static uint8_t msr_read(Serial16550 *s, bool debug)
{
    uint8_t msr = s->msr;

    if (!debug && (msr & MSR_DELTA)) {
        s->msr &= (uint8_t)~MSR_DELTA;
        serial_update(s);
    }
    return msr;
}

uint8_t serial_read(Serial16550 *s, unsigned reg, bool debug)
{
    bool dlab = s->lcr & LCR_DLAB;
    uint8_t value = 0;

    switch (reg) {
    case R_RBR_THR_DLL:
        value = dlab    ? s->divisor & 0xff
                : debug ? s->rx[s->rx_head]
                        : rx_pop(s);
        break;
    case R_IER_DLM:
        value = dlab ? s->divisor >> 8 : s->ier;
        break;
    case R_IIR_FCR:
        value = iir_read(s, debug);
        break;
    case R_LCR:
        value = s->lcr;
        break;
    case R_MCR:
        value = s->mcr;
        break;
    case R_LSR:
        value = lsr_read(s, debug);
        break;
    case R_MSR:
        value = msr_read(s, debug);
        break;
    case R_SCR:
        value = s->scr;
        break;
    }
    trace_serial_read(reg, value);
    return value;
}

static void ier_write(Serial16550 *s, uint8_t value)
{
    uint8_t rising = value & ~s->ier;

    s->ier = value & 0x0f;
    /* Enabling ETBEI with an empty THR interrupts at once (8.7). */
    if ((rising & IER_ETBEI) && (s->lsr & LSR_THRE)) {
        s->thre_pending = true;
    }
}

/* Bit 0 must be set for the others to be programmed; its change clears both
 * FIFOs (8.5). */
static void fcr_write(Serial16550 *s, uint8_t value)
{
    bool changed = (value ^ s->fcr) & FCR_ENABLE;

    if (!(value & FCR_ENABLE)) {
        value = 0;
    }
    s->fcr = value & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER);
    if (changed || (value & FCR_RX_RESET)) {
        rx_clear(s);
    }
    if (changed || (value & FCR_TX_RESET)) {
        s->tx_head = s->tx_count = 0;
        s->lsr |= LSR_THRE | LSR_TEMT;
        s->thre_pending = true;
    }
    char_accept_input(&s->fe);
}

static void lcr_write(Serial16550 *s, uint8_t value)
{
    uint8_t changed = s->lcr ^ value;

    s->lcr = value;
    if ((changed & LCR_BREAK) && !(s->mcr & MCR_LOOP)) {
        char_send_break(&s->fe, value & LCR_BREAK);
    }
    if (changed & (LCR_WLS | LCR_STB | LCR_PEN | LCR_EPS)) {
        line_params_changed(s);
    }
}

static void mcr_write(Serial16550 *s, uint8_t value)
{
    uint8_t changed = s->mcr ^ value;

    s->mcr = value & MCR_ALL;
    modem_update(s);
    if ((changed & MCR_LOOP) && !(value & MCR_LOOP)) {
        char_accept_input(&s->fe);
    }
}

void serial_write(Serial16550 *s, unsigned reg, uint8_t value)
{
    bool dlab = s->lcr & LCR_DLAB;

    trace_serial_write(reg, value);
    switch (reg) {
    case R_RBR_THR_DLL:
        if (dlab) {
            s->divisor = (uint16_t)bits_set(s->divisor, 0, 8, value);
            line_params_changed(s);
        } else {
            tx_push(s, value);
        }
        break;
    case R_IER_DLM:
        if (dlab) {
            s->divisor = (uint16_t)bits_set(s->divisor, 8, 8, value);
            line_params_changed(s);
        } else {
            ier_write(s, value);
        }
        break;
    case R_IIR_FCR:
        fcr_write(s, value);
        break;
    case R_LCR:
        lcr_write(s, value);
        break;
    case R_MCR:
        mcr_write(s, value);
        break;
    case R_LSR: /* for the factory: 8.4 */
        break;
    case R_MSR: /* the delta bits may be written: 8.9 note */
        break;
    case R_SCR:
        s->scr = value;
        break;
    }
    serial_update(s);
}

/* --- reset, saved state, realize --- */

void serial_reset_enter(Serial16550 *s) /* table I */
{
    s->ier = s->fcr = s->lcr = s->mcr = s->scr = 0;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    s->divisor = 12; /* undefined by the sheet; 9600 baud of a PC's clock */
    s->rx_head = s->rx_count = s->tx_head = s->tx_count = 0;
    memset(s->rx_error, 0, sizeof(s->rx_error));
    s->rx[0] = 0;
    s->thre_pending = s->timeout = false;
    timer_cancel(&s->timeout_timer);
}

void serial_reset_hold(Serial16550 *s)
{
    serial_update(s);
    char_accept_input(&s->fe);
}

static bool serial_post_load(void *obj, int version, Error **errp)
{
    Serial16550 *s = obj;

    if (s->rx_head >= SERIAL_FIFO || s->rx_count > fifo_depth(s) ||
        s->tx_head >= SERIAL_FIFO || s->tx_count > fifo_depth(s)) {
        error_set(errp, "serial: FIFO indexes are out of range");
        return false;
    }
    s->mcr &= MCR_ALL;
    s->ier &= 0x0f;
    line_params_changed(s);
    if (s->lcr & LCR_BREAK) {
        char_send_break(&s->fe, true);
    }
    tx_drain(s);
    serial_update(s);
    char_accept_input(&s->fe);
    return true;
}

static const VmField serial_fields[] = {
    VM_U8(Serial16550, ier),
    VM_U8(Serial16550, fcr),
    VM_U8(Serial16550, lcr),
    VM_U8(Serial16550, mcr),
    VM_U8(Serial16550, msr),
    VM_U8(Serial16550, lsr),
    VM_U8(Serial16550, scr),
    VM_U16(Serial16550, divisor),
    VM_U8_ARRAY(Serial16550, rx),
    VM_U8_ARRAY(Serial16550, rx_error),
    VM_U8(Serial16550, rx_head),
    VM_U8(Serial16550, rx_count),
    VM_U8_ARRAY(Serial16550, tx),
    VM_U8(Serial16550, tx_head),
    VM_U8(Serial16550, tx_count),
    VM_BOOL(Serial16550, thre_pending),
    VM_BOOL(Serial16550, timeout),
    VM_CUSTOM(Serial16550, timeout_timer, vm_timer),
    { 0 },
};

const VmState serial_vmstate = {
    .name = "serial",
    .version = 1,
    .fields = serial_fields,
    .post_load = serial_post_load,
};

static const CharHandlers serial_handlers = {
    .can_receive = serial_can_receive,
    .receive = serial_receive,
    .event = serial_event,
    .writable = serial_writable,
};

bool serial_realize(Serial16550 *s, DeviceState *dev, Error **errp)
{
    g_autofree char *path = device_path(dev);

    if (s->baudbase == 0) {
        error_set(errp, "baudbase must not be 0");
        return false;
    }
    s->dev = dev;
    timer_init(&s->timeout_timer, dev->machine->loop, CLOCK_VIRTUAL,
               rx_timed_out, s);
    if (!char_attach(&s->fe, s->fe.chr, dev->machine->gate, dev->machine->loop,
                     path, &serial_handlers, s, errp)) {
        return false;
    }
    serial_reset_enter(s);
    return true;
}

void serial_unrealize(Serial16550 *s)
{
    timer_cancel(&s->timeout_timer);
    char_detach(&s->fe);
}
