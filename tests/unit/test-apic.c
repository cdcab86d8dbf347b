/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs against the Intel SDM 3A, chapter "APIC"; addresses and bits are
 * the manual's. */
#include "hw-test.h"

#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"

enum {
    PAGE = 0xfee00000,
    PAGE_IO = 0xfec00000,
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    LVT_TIMER = 0x320,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0,
    MASKED = 0x10000,
};

enum { CPUS = 3 };

/* A CPU that only notes what it is told. */
typedef struct Told {
    bool intr;
    int nmis, inits, sipis;
    uint8_t sipi;
} Told;

static void told_intr(void *cpu, bool level)
{
    ((Told *)cpu)->intr = level;
}

static void told_nmi(void *cpu)
{
    ((Told *)cpu)->nmis++;
}

static void told_init(void *cpu)
{
    ((Told *)cpu)->inits++;
}

static void told_sipi(void *cpu, uint8_t vector)
{
    ((Told *)cpu)->sipis++;
    ((Told *)cpu)->sipi = vector;
}

/* A TSC that counts ns. */
static int64_t told_tsc(void *cpu, uint64_t tsc)
{
    return (int64_t)tsc;
}

static const ApicCpuOps told_ops = { told_intr, told_nmi, told_init, told_sipi,
                                     told_tsc };

typedef struct Rig {
    TestMachine *t;
    DeviceState *apic, *ioapic;
    TestWires w, wires;
    Told cpu[CPUS];
    CPUState as[CPUS]; /* who accesses */
} Rig;

static DeviceState *msi_to;

static void send_msi(Machine *m, uint32_t requester, uint64_t addr,
                     uint32_t data)
{
    apic_msi(msi_to, addr, data);
}

static void use(Rig *r, int cpu)
{
    cpu_set_current(cpu < 0 ? NULL : &r->as[cpu]);
}

static void wr(Rig *r, unsigned reg, uint32_t value)
{
    test_wr(r->t, PAGE + reg, 4, value);
}

static uint32_t rd(Rig *r, unsigned reg)
{
    return (uint32_t)test_rd(r->t, PAGE + reg, 4);
}

static bool bit(Rig *r, unsigned set, unsigned vector)
{
    return rd(r, set + vector / 32 * 16) >> (vector % 32) & 1;
}

/* All CPUs' APICs are on, ids 0 to 2. */
static Rig *rig(void)
{
    Rig *r = g_new0(Rig, 1);

    use(r, -1);
    r->t = test_machine(0);
    r->apic = device_new_board(r->t->m, &apic_type);
    object_set_u64(r->apic, "cpus", CPUS);
    test_place(r->apic, PAGE, &r->w);
    r->ioapic = device_new_board(r->t->m, &ioapic_type);
    test_place(r->ioapic, PAGE_IO, &r->wires);
    apic_add_ioapic(r->apic, r->ioapic);
    msi_to = r->apic;
    r->t->m->msi_send = send_msi;
    for (int i = 0; i < CPUS; i++) {
        r->as[i].index = i;
        apic_connect_cpu(r->apic, (unsigned)i, (uint8_t)i, &told_ops,
                         &r->cpu[i]);
        use(r, i);
        wr(r, SVR, 0x1ff);
        wr(r, TPR, 0);
    }
    use(r, 0);
    return r;
}

static void rig_free(Rig *r)
{
    use(r, -1);
    test_machine_free(r->t);
    g_free(r);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static int take(Rig *r, unsigned cpu)
{
    return apic_acknowledge(r->apic, cpu);
}

static void fixed(Rig *r, unsigned cpu, unsigned vector)
{
    apic_msi(r->apic, PAGE | cpu << 12, vector);
}

/* --- registers --- */

static void after_reset_it_is_off_and_masked(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, LVT_TIMER, 0x20040);
    wr(r, LDR, 0x55000000);
    device_reset(r->apic);
    g_assert_cmphex(rd(r, VERSION), ==, 0x50014);
    g_assert_cmphex(rd(r, SVR), ==, 0xff);
    g_assert_cmphex(rd(r, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(r, LDR), ==, 0);
    g_assert_cmphex(rd(r, TPR), ==, 0);
    for (unsigned reg = LVT_TIMER; reg <= LVT_ERROR; reg += 16) {
        g_assert_cmphex(rd(r, reg), ==, MASKED);
        wr(r, reg, 0x40); /* stays masked until the APIC is on (10.4.7.2) */
        g_assert_cmphex(rd(r, reg), ==, MASKED | 0x40);
    }
    wr(r, SVR, 0x1ff);
    wr(r, LVT_TIMER, 0x40);
    g_assert_cmphex(rd(r, LVT_TIMER), ==, 0x40);
    wr(r, SVR, 0xff);
    g_assert_cmphex(rd(r, LVT_TIMER), ==, MASKED | 0x40);
    use(r, 2);
    g_assert_cmphex(rd(r, ID), ==, 2u << 24);
    g_assert_cmphex(apic_base(r->apic, 2), ==, 0xfee00800);
    g_assert_cmphex(apic_base(r->apic, 0), ==, 0xfee00900);
}

/* Where an address has no register, nothing is read that would be an error. */
static void a_debugger_reads_without_a_trace(void)
{
    g_autoptr(Rig) r = rig();
    uint8_t page[APIC_PAGE_BYTES];

    use(r, 1);
    wr(r, TPR, 0x30);
    wr(r, INITIAL, 1000);
    fixed(r, 1, 0x45);
    use(r, -1);
    apic_page(r->apic, 1, page);
    g_assert_cmphex(ld32_le(page + ID), ==, 1u << 24);
    g_assert_cmphex(ld32_le(page + TPR), ==, 0x30);
    g_assert_cmphex(ld32_le(page + IRR + 0x20), ==, 1u << 5);
    g_assert_cmphex(ld32_le(page + CURRENT), ==, 1000);
    use(r, 1);
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0);
    g_assert_cmpint(take(r, 1), ==, 0x45);
}

static void reserved_bits_stay_clear(void)
{
    g_autoptr(Rig) r = rig();
    static const struct {
        unsigned reg;
        uint32_t kept;
    } rows[] = {
        { TPR, 0xff },
        { LDR, 0xff000000 },
        { SVR, 0x3ff },
        { LVT_TIMER, 0x700ff },
        { LVT_LINT0, 0x1a7ff },
        { LVT_LINT1, 0x1a7ff },
        { LVT_ERROR, 0x100ff },
        { DIVIDE, 0xb },
        { ICR + 16, 0xff000000 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        wr(r, rows[i].reg, 0xffffffff);
        g_assert_cmphex(rd(r, rows[i].reg), ==, rows[i].kept);
    }
}

/* --- priorities --- */

static void higher_class_interrupts_a_lower_one(void)
{
    g_autoptr(Rig) r = rig();

    fixed(r, 0, 0x41);
    g_assert_true(r->cpu[0].intr);
    g_assert_false(r->cpu[1].intr);
    g_assert_cmphex(take(r, 0), ==, 0x41);
    g_assert_true(bit(r, ISR, 0x41));
    g_assert_cmphex(rd(r, PPR), ==, 0x40);
    fixed(r, 0, 0x4f); /* the same class waits */
    g_assert_false(r->cpu[0].intr);
    fixed(r, 0, 0x50);
    g_assert_true(r->cpu[0].intr);
    g_assert_cmphex(take(r, 0), ==, 0x50);
    wr(r, EOI, 0);
    g_assert_false(r->cpu[0].intr);
    wr(r, EOI, 0);
    g_assert_cmphex(take(r, 0), ==, 0x4f);
    g_assert_cmphex(take(r, 0), ==, -1);
}

static void task_priority_holds_back(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, TPR, 0x45);
    g_assert_cmphex(rd(r, PPR), ==, 0x45);
    fixed(r, 0, 0x4f);
    g_assert_false(r->cpu[0].intr);
    fixed(r, 0, 0x50);
    g_assert_true(r->cpu[0].intr);
    apic_set_tpr(r->apic, 0, 0x50); /* by CR8 */
    g_assert_false(r->cpu[0].intr);
    g_assert_cmphex(take(r, 0), ==, -1);
    apic_set_tpr(r->apic, 0, 0x30);
    g_assert_cmphex(rd(r, TPR), ==, 0x30);
    g_assert_cmphex(take(r, 0), ==, 0x50);
}

static void switched_off_it_hears_nothing(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, SVR, 0xff);
    fixed(r, 0, 0x40);
    g_assert_false(bit(r, IRR, 0x40));
    wr(r, SVR, 0x1ff);
    apic_set_base(r->apic, 0, 0xfee00100);
    g_assert_cmphex(rd(r, SVR), ==, 0xffffffff); /* no page */
    apic_set_base(r->apic, 0, 0xfee00900);
    g_assert_cmphex(rd(r, SVR), ==, 0xff);
}

/* 10.4.3: without an APIC there is no bus; LINT1 is the CPU's own NMI. */
static void switched_off_no_message_reaches_the_cpu(void)
{
    static const uint32_t commands[] = { 0x4400, 0x4500, 0x4608 };
    g_autoptr(Rig) r = rig();

    apic_set_base(r->apic, 1, 0xfee00000);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        wr(r, ICR + 0x10, 1 << 24);
        wr(r, ICR, commands[i]);
        wr(r, ICR, commands[i] | 3 << 18); /* all others */
    }
    apic_msi(r->apic, PAGE | 1 << 12, 0x4400);
    g_assert_cmpint(r->cpu[1].nmis + r->cpu[1].inits + r->cpu[1].sipis, ==, 0);
    g_assert_cmpint(r->cpu[2].nmis + r->cpu[2].inits + r->cpu[2].sipis, ==, 3);
    device_irq_in(r->apic, 1, true);
    g_assert_cmpint(r->cpu[1].nmis, ==, 1);
}

/* --- destinations --- */

static void logical_destinations(void)
{
    g_autoptr(Rig) r = rig();

    for (int i = 0; i < CPUS; i++) {
        use(r, i);
        wr(r, LDR, 1u << (24 + i));
    }
    apic_msi(r->apic, PAGE | 0x6 << 12 | 4, 0x40); /* flat: CPUs 1 and 2 */
    g_assert_false(r->cpu[0].intr);
    g_assert_cmphex(take(r, 1), ==, 0x40);
    g_assert_cmphex(take(r, 2), ==, 0x40);
    for (int i = 0; i < CPUS; i++) {
        use(r, i);
        wr(r, EOI, 0);
        wr(r, DFR, 0x0fffffff); /* clusters of four */
        wr(r, LDR, (i < 2 ? 0x10u << 24 : 0x20u << 24) | 1u << (24 + i % 2));
    }
    apic_msi(r->apic, PAGE | 0x13 << 12 | 4, 0x40);
    g_assert_true(r->cpu[0].intr && r->cpu[1].intr);
    g_assert_false(r->cpu[2].intr);
    apic_msi(r->apic, PAGE | 0xf1 << 12 | 4, 0x60);
    g_assert_cmphex(take(r, 0), ==, 0x60);
    g_assert_cmphex(take(r, 1), ==, 0x40);
    g_assert_cmphex(take(r, 2), ==, 0x60);
}

static void lowest_priority_goes_to_one(void)
{
    g_autoptr(Rig) r = rig();

    use(r, 0);
    wr(r, TPR, 0x20);
    use(r, 2);
    wr(r, TPR, 0x10);
    for (int i = 0; i < CPUS; i++) {
        use(r, i);
        wr(r, LDR, 1u << (24 + i));
    }
    apic_msi(r->apic, PAGE | 0x7 << 12 | 8 | 4, 0x140);
    g_assert_false(r->cpu[0].intr || r->cpu[2].intr);
    g_assert_cmphex(take(r, 1), ==, 0x40);
    apic_msi(r->apic, PAGE | 0x7 << 12 | 8 | 4, 0x141); /* 1 is busy */
    g_assert_cmphex(take(r, 2), ==, 0x41);
}

static void ipis_by_number_and_shorthand(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, ICR + 16, 1u << 24);
    wr(r, ICR, 0x4040);
    g_assert_cmphex(take(r, 1), ==, 0x40);
    wr(r, ICR, 0x44051); /* self */
    g_assert_cmphex(take(r, 0), ==, 0x51);
    wr(r, ICR, 0xc4061); /* all others */
    g_assert_cmphex(take(r, 0), ==, -1);
    g_assert_cmphex(take(r, 1), ==, 0x61);
    g_assert_cmphex(take(r, 2), ==, 0x61);
    wr(r, ICR, 0x84071); /* all */
    g_assert_cmphex(take(r, 0), ==, 0x71);
    g_assert_cmphex(take(r, 1), ==, 0x71);
    wr(r, ICR, 0xc4400);
    g_assert_cmpint(r->cpu[1].nmis + r->cpu[2].nmis, ==, 2);
    g_assert_cmpint(r->cpu[0].nmis, ==, 0);
}

static void init_then_start_up(void)
{
    g_autoptr(Rig) r = rig();

    use(r, 1);
    wr(r, LVT_TIMER, 0x40);
    use(r, 0);
    wr(r, ICR + 16, 1u << 24);
    wr(r, ICR, 0xc500); /* level assert */
    wr(r, ICR, 0x8500); /* de-assert does nothing */
    g_assert_cmpint(r->cpu[1].inits, ==, 1);
    wr(r, ICR, 0x4608);
    g_assert_cmpint(r->cpu[1].sipis, ==, 1);
    g_assert_cmphex(r->cpu[1].sipi, ==, 8);
    use(r, 1);
    g_assert_cmphex(rd(r, SVR), ==, 0xff);
    g_assert_cmphex(rd(r, LVT_TIMER), ==, MASKED);
    g_assert_cmphex(rd(r, ID), ==, 1u << 24); /* INIT keeps it */
}

static void errors_are_latched_and_interrupt(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, LVT_ERROR, 0xfe);
    wr(r, ICR, 0x44005); /* no vector is below 16 */
    g_assert_cmphex(rd(r, ESR), ==, 0);
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0x20);
    g_assert_cmphex(take(r, 0), ==, 0xfe);
    wr(r, EOI, 0);
    fixed(r, 0, 3);
    wr(r, 0x3f0, 0);
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0xc0);
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0);
    wr(r, LVT_ERROR, MASKED);
    wr(r, VERSION, 0); /* tells only */
    wr(r, IRR, 1);
    wr(r, CURRENT, 1);
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0);
    g_assert_cmphex(rd(r, 0x3a0), ==, 0); /* is not there */
    wr(r, ESR, 0);
    g_assert_cmphex(rd(r, ESR), ==, 0x80);
}

/* --- pins and other controllers --- */

static void end_of_a_level_interrupt_reaches_the_ioapic(void)
{
    g_autoptr(Rig) r = rig();

    test_wr(r->t, PAGE_IO, 4, 0x18); /* pin 4: level, vector 0x45 */
    test_wr(r->t, PAGE_IO + 0x10, 4, 0x8045);
    device_irq_in(r->ioapic, 4, true);
    g_assert_true(bit(r, TMR, 0x45));
    g_assert_cmphex(take(r, 0), ==, 0x45);
    g_assert_false(r->cpu[0].intr);
    wr(r, EOI, 0); /* the line is still up */
    g_assert_cmphex(take(r, 0), ==, 0x45);
    device_irq_in(r->ioapic, 4, false);
    wr(r, EOI, 0);
    g_assert_cmphex(take(r, 0), ==, -1);
    fixed(r, 0, 0x45); /* an edge this time */
    g_assert_false(bit(r, TMR, 0x45));
}

/* --- local APICs of an engine's: routes tell which ends are told --- */

static uint32_t routes[IOAPIC_PINS]; /* data; 0: none */

static void keep_route(DeviceState *dev, unsigned gsi, uint64_t addr,
                       uint32_t data)
{
    routes[gsi] = data;
}

static void routes_kept(DeviceState *dev)
{
}

static bool attach_routes(AccelState *a, const char *kind, DeviceState *dev,
                          const void **ops)
{
    static const IoapicEngine engine = { .route = keep_route,
                                         .routed = routes_kept };

    *ops = &engine;
    return true;
}

static int sent;

static void count_msi(Machine *m, uint32_t requester, uint64_t addr,
                      uint32_t data)
{
    sent++;
}

static void end_at(DeviceState *ioapic, unsigned pin)
{
    if (routes[pin] & 0x8000) { /* level */
        ioapic_eoi(ioapic, (uint8_t)routes[pin]);
    }
}

static void write_entry(TestMachine *t, uint32_t low)
{
    test_wr(t, PAGE_IO, 4, 0x18); /* pin 4 */
    test_wr(t, PAGE_IO + 0x10, 4, low);
}

static void masked_in_service_it_still_ends(void)
{
    AccelOps ops = test_accel_type; /* outlives the machine */
    TestWires wires;
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *ioapic = device_new_board(t->m, &ioapic_type);

    ops.attach_intc = attach_routes;
    t->m->accel->ops = &ops;
    test_place(ioapic, PAGE_IO, &wires);
    t->m->msi_send = count_msi;
    sent = 0;
    write_entry(t, 0x8045);
    device_irq_in(ioapic, 4, true);
    g_assert_cmpint(sent, ==, 1);
    write_entry(t, 0x18045); /* masked, then ended, the line still up */
    end_at(ioapic, 4);
    g_assert_cmphex(test_rd(t, PAGE_IO + 0x10, 4), ==, 0x18045);
    g_assert_cmpint(sent, ==, 1);
    write_entry(t, 0x8045);
    g_assert_cmpint(sent, ==, 2);
    end_at(ioapic, 4);
    write_entry(t, 0x18045); /* masked; one that came before it, not after */
    device_irq_in(ioapic, 4, false);
    end_at(ioapic, 4);
    write_entry(t, 0x18045);
    g_assert_cmphex(routes[4], ==, 0);
}

/* --- pins --- */

static void pins_by_their_entries(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, LVT_LINT1, 0x400); /* NMI */
    device_irq_in(r->apic, 1, true);
    device_irq_in(r->apic, 1, true);
    g_assert_cmpint(r->cpu[0].nmis, ==, 1);
    device_irq_in(r->apic, 1, false);
    wr(r, LVT_LINT1, 0x66);
    device_irq_in(r->apic, 1, true);
    g_assert_cmphex(take(r, 0), ==, 0x66);
    g_assert_cmpint(r->cpu[1].nmis, ==, 0); /* masked there */
}

static void port_write(Rig *r, uint16_t port, uint8_t value)
{
    address_space_st(&r->t->m->io_space, port, 1, MEM_LITTLE, value,
                     MEM_ATTRS_CPU);
}

static void extint_takes_the_8259s_vector(void)
{
    g_autoptr(Rig) r = rig();
    DeviceState *pic = device_new_board(r->t->m, &i8259_type);
    static const uint8_t words[] = { 0x30, 4, 1 };
    Error *err = NULL;

    g_assert_true(device_realize(pic, &err));
    device_connect(pic, 0, r->apic, 0);
    apic_set_pic(r->apic, pic);
    port_write(r, 0x20, 0x11);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        port_write(r, 0x21, words[i]);
    }
    device_irq_in(pic, 5, true);
    g_assert_false(r->cpu[0].intr); /* LINT0 is masked */
    wr(r, LVT_LINT0, 0x700);
    g_assert_true(r->cpu[0].intr);
    g_assert_cmphex(take(r, 0), ==, 0x35);
    g_assert_false(r->cpu[0].intr);
    g_assert_false(bit(r, ISR, 0x35)); /* not the APIC's */
}

static uint8_t port_read(Rig *r, uint16_t port)
{
    uint64_t value = 0;

    address_space_ld(&r->t->m->io_space, port, 1, MEM_LITTLE, &value,
                     MEM_ATTRS_CPU);
    return (uint8_t)value;
}

static void init_8259(Rig *r, uint16_t port, uint8_t base, uint8_t icw3,
                      uint8_t icw4)
{
    port_write(r, port, 0x11);
    port_write(r, port + 1, base);
    port_write(r, port + 1, icw3);
    port_write(r, port + 1, icw4);
}

/* 8259A data sheet, "The Special Fully Nest Mode". */
static void a_served_slave_asks_again_and_lower_inputs_wait(void)
{
    g_autoptr(Rig) r = rig();
    DeviceState *pic = device_new_board(r->t->m, &i8259_type);
    Error *err = NULL;

    g_assert_true(device_realize(pic, &err));
    init_8259(r, 0x20, 0x30, 4, 0x11);
    init_8259(r, 0xa0, 0x38, 2, 1);
    device_irq_in(pic, 12, true);
    g_assert_true(i8259_intr(pic));
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x3c);
    port_write(r, 0x20, 0x0b);
    g_assert_cmphex(port_read(r, 0x20), ==, 4);
    device_irq_in(pic, 5, true);
    g_assert_false(i8259_intr(pic));
    device_irq_in(pic, 8, true); /* above 12 */
    g_assert_true(i8259_intr(pic));
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x38);
    device_irq_in(pic, 0, true);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x30);
    port_write(r, 0x20, 0x20);
    port_write(r, 0xa0, 0x20);
    port_write(r, 0xa0, 0x20);
    g_assert_false(i8259_intr(pic));
    port_write(r, 0x20, 0x20);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x35);
}

/* --- timer --- */

static void one_shot_ends_once(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, DIVIDE, 0xb); /* by 1 */
    wr(r, LVT_TIMER, 0x40);
    wr(r, INITIAL, 1000);
    test_clock_step(r->t, 400);
    g_assert_cmpuint(rd(r, CURRENT), ==, 600);
    wr(r, DIVIDE, 1); /* by 4: 600 counts are left */
    test_clock_step(r->t, 4 * 100);
    g_assert_cmpuint(rd(r, CURRENT), ==, 500);
    test_clock_step(r->t, 4 * 500 - 1);
    g_assert_false(r->cpu[0].intr);
    test_clock_step(r->t, 1);
    g_assert_cmphex(take(r, 0), ==, 0x40);
    g_assert_cmpuint(rd(r, CURRENT), ==, 0);
    wr(r, EOI, 0);
    test_clock_step(r->t, 1000000);
    g_assert_false(r->cpu[0].intr);
    wr(r, LVT_TIMER, 0x20040); /* periodic: from the next count on */
    test_clock_step(r->t, 1000000);
    g_assert_false(r->cpu[0].intr);
}

static void periodic_goes_on(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, DIVIDE, 0); /* by 2 */
    wr(r, LVT_TIMER, 0x20040);
    wr(r, INITIAL, 50000);
    for (int i = 0; i < 3; i++) {
        test_clock_step(r->t, 99999);
        g_assert_false(r->cpu[0].intr);
        test_clock_step(r->t, 1);
        g_assert_cmphex(take(r, 0), ==, 0x40);
        wr(r, EOI, 0);
    }
    test_clock_step(r->t, 20000);
    g_assert_cmpuint(rd(r, CURRENT), ==, 40000);
    wr(r, LVT_TIMER, 0x20040 | MASKED);
    test_clock_step(r->t, 100000);
    g_assert_false(r->cpu[0].intr);
    wr(r, INITIAL, 0); /* stops it */
    wr(r, LVT_TIMER, 0x20040);
    test_clock_step(r->t, 1000000);
    g_assert_false(r->cpu[0].intr);
}

static void a_tiny_period_does_not_flood_the_host(void)
{
    g_autoptr(Rig) r = rig();

    wr(r, DIVIDE, 0xb);
    wr(r, LVT_TIMER, 0x20040);
    wr(r, INITIAL, 1);
    for (int i = 0; i < 4; i++) {
        test_clock_step(r->t, 20001);
        g_assert_cmphex(take(r, 0), ==, 0x40);
        wr(r, EOI, 0);
    }
}

static void deadline_fires_at_its_time(void)
{
    g_autoptr(Rig) r = rig();

    apic_set_deadline(r->apic, 0, 5000); /* another mode: ignored */
    g_assert_cmpuint(apic_deadline(r->apic, 0), ==, 0);
    wr(r, LVT_TIMER, 0x40040);
    wr(r, INITIAL, 100); /* ignored */
    apic_set_deadline(r->apic, 0, 5000);
    test_clock_step(r->t, 4999);
    g_assert_false(r->cpu[0].intr);
    test_clock_step(r->t, 1);
    g_assert_cmphex(take(r, 0), ==, 0x40);
    g_assert_cmpuint(apic_deadline(r->apic, 0), ==, 0);
    wr(r, EOI, 0);
    apic_set_deadline(r->apic, 0, 9000);
    wr(r, LVT_TIMER, 0x40); /* leaving the mode disarms it */
    test_clock_step(r->t, 10000);
    g_assert_false(r->cpu[0].intr);
}

/* --- saved state --- */

/* One shot of @count ticks for CPU 0, undivided. */
static void count_from(Rig *r, uint32_t count)
{
    use(r, 0);
    wr(r, DIVIDE, 0xb);
    wr(r, LVT_TIMER, 0x40);
    wr(r, INITIAL, count);
}

/* @from's state and time for @to, whose CPU 0 is looked at from here on. */
static void move_state(Rig *from, Rig *to)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    Error *err = NULL;

    vmstate_save(apic_type.vmstate, from->apic, saved);
    to->t->now_ns = from->t->now_ns;
    g_assert_true(vmstate_load(apic_type.vmstate, to->apic, 1, saved->data,
                               saved->len, &err));
    use(to, 0);
}

static void goes_on_after_a_load(void)
{
    g_autoptr(Rig) a = rig();
    g_autoptr(Rig) b = rig();

    count_from(a, 1000);
    wr(a, TPR, 0x20);
    fixed(a, 1, 0x33);
    fixed(a, 0, 0x90);
    g_assert_cmphex(take(a, 0), ==, 0x90);
    test_clock_step(a->t, 300);
    move_state(a, b);
    g_assert_cmpuint(rd(b, CURRENT), ==, 700);
    g_assert_cmphex(rd(b, TPR), ==, 0x20);
    g_assert_true(bit(b, ISR, 0x90));
    g_assert_true(b->cpu[1].intr);
    g_assert_cmphex(take(b, 1), ==, 0x33);
    wr(b, EOI, 0);
    test_clock_step(b->t, 700);
    g_assert_cmphex(take(b, 0), ==, 0x40);
}

/* Counts that a lower rate stretched seem to have begun before time did. */
static void a_stretched_count_is_loaded(void)
{
    g_autoptr(Rig) a = rig();
    g_autoptr(Rig) b = rig();

    count_from(a, 0xffffffff);
    test_clock_step(a->t, 1000000);
    wr(a, DIVIDE, 0xa); /* by 128 */
    move_state(a, b);
    g_assert_cmphex(rd(b, CURRENT), ==, 0xffffffff - 1000000);
}

static void another_number_of_cpus_is_refused(void)
{
    g_autoptr(Rig) r = rig();
    g_autoptr(GByteArray) saved = g_byte_array_new();
    DeviceState *one = device_new_board(r->t->m, &apic_type);
    TestWires w = { 0 };
    Error *err = NULL;

    test_place(one, PAGE + 0x10000, &w);
    vmstate_save(apic_type.vmstate, r->apic, saved);
    g_assert_false(
        vmstate_load(apic_type.vmstate, one, 1, saved->data, saved->len, &err));
    g_assert_nonnull(strstr(error_text(err), "saved with 3 CPUs, here are 1"));
    error_free(err);
}

#define ADD(fn) g_test_add_func("/apic/" #fn, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(after_reset_it_is_off_and_masked);
    ADD(a_debugger_reads_without_a_trace);
    ADD(reserved_bits_stay_clear);
    ADD(higher_class_interrupts_a_lower_one);
    ADD(task_priority_holds_back);
    ADD(switched_off_it_hears_nothing);
    ADD(switched_off_no_message_reaches_the_cpu);
    ADD(logical_destinations);
    ADD(lowest_priority_goes_to_one);
    ADD(ipis_by_number_and_shorthand);
    ADD(init_then_start_up);
    ADD(errors_are_latched_and_interrupt);
    ADD(end_of_a_level_interrupt_reaches_the_ioapic);
    ADD(masked_in_service_it_still_ends);
    ADD(pins_by_their_entries);
    ADD(extint_takes_the_8259s_vector);
    ADD(a_served_slave_asks_again_and_lower_inputs_wait);
    ADD(one_shot_ends_once);
    ADD(periodic_goes_on);
    ADD(a_tiny_period_does_not_flood_the_host);
    ADD(deadline_fires_at_its_time);
    ADD(goes_on_after_a_load);
    ADD(a_stretched_count_is_loaded);
    ADD(another_number_of_cpus_is_refused);
    return g_test_run();
}
