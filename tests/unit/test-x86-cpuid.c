/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What x86-64 guests see in CPUID: models, features asked for, an engine that
 * lacks some, topology, Hyper-V's leaves. No KVM is needed: the engine's
 * leaves are made here.
 */
#include "tandem/base.h"

#include "bare-machine.h"

#include "target/types.h"
#include "target/x86/cpu.h"

static const ObjectType *const bare_types[] = { TYPE(bare_type), NULL };
static const ObjectType *const *const lists[] = { x86_cpu_types, bare_types,
                                                  NULL };

/* An Intel CPU, or an AMD one, with all features that there are. */
typedef struct Fixture {
    Bare bare;
    X86Leaf leaves[48], hv[8];
    X86Host host;
    X86Cpu *cpu;
} Fixture;

static void host_leaf(Fixture *f, uint32_t leaf, int sub, uint32_t a,
                      uint32_t b, uint32_t c, uint32_t d)
{
    f->leaves[f->host.n++] = (X86Leaf){
        leaf, sub < 0 ? 0 : (uint32_t)sub, sub >= 0, { a, b, c, d }
    };
}

static void setup(Fixture *f, const char *vendor)
{
    uint32_t all = UINT32_MAX, v[3];

    *f = (Fixture){ .host = { .leaves = f->leaves, .engine = "kvm" } };
    bare_init(&f->bare, lists);
    f->bare.m->view.arch = "x86_64";
    f->bare.m->config.cpus = f->bare.m->config.max_cpus = 1;
    memcpy(v, vendor, 12);
    host_leaf(f, 0, -1, 0x16, v[0], v[2], v[1]);
    host_leaf(f, 1, -1, 0x000506e3, 0, all, all);
    host_leaf(f, 6, -1, all, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        host_leaf(f, 7, i, all, all, all, all & ~(1u << 19)); /* no AVX10 */
    }
    host_leaf(f, 0xd, 0, 0xe7, 0x340, 0xa80, 0);
    host_leaf(f, 0xd, 1, all, 0, 0, 0);
    host_leaf(f, 0xd, 2, 256, 576, 0, 0);
    host_leaf(f, 0x40000001, -1, all, 0, 0, 0);
    host_leaf(f, 0x80000000, -1, 0x80000008, 0, 0, 0);
    host_leaf(f, 0x80000001, -1, 0, 0, all, all);
    host_leaf(f, 0x80000007, -1, 0, all, 0, all);
    host_leaf(f, 0x80000008, -1, 46 | 48 << 8, all, 0, 0);
    host_leaf(f, 0x8000000a, -1, 1, 16, 0, all);
    host_leaf(f, 0x80000021, -1, all, 0, 0, 0);
}

static void drop_cpu(Fixture *f)
{
    if (f->cpu) {
        x86_cpuid_free(f->cpu);
        object_unref(f->cpu);
        f->cpu = NULL;
    }
}

static void teardown(Fixture *f)
{
    drop_cpu(f);
    bare_destroy(&f->bare);
}

/* A CPU of @model with "a=b,c=d" set; its leaves, or false with the reason. */
static bool build(Fixture *f, const char *model, const char *props,
                  Error **errp)
{
    g_auto(GStrv) words = g_strsplit(props, ",", -1);
    g_autofree char *name = g_strconcat(model, "-x86_64-cpu", NULL);

    drop_cpu(f);
    f->cpu = (X86Cpu *)object_new(
        type_find((TypeView){ f->bare.reg, "x86_64" }, name));
    f->cpu->parent.parent.machine = f->bare.m;
    for (char **w = words; *w; w++) {
        g_auto(GStrv) kv = g_strsplit(*w, "=", 2);

        if (!object_set_text(f->cpu, kv[0], kv[1], errp)) {
            return false;
        }
    }
    return x86_cpuid_build(f->cpu, &f->host, errp);
}

static void must_build(Fixture *f, const char *model, const char *props)
{
    Error *err = NULL;

    if (!build(f, model, props, &err)) {
        g_error("%s", error_text(err));
    }
}

static void assert_refused(Fixture *f, const char *model, const char *props,
                           const char *why)
{
    g_autoptr(Error) err = NULL;

    g_assert_false(build(f, model, props, &err));
    g_assert_cmpstr(error_text(err), ==, why);
}

static const X86Leaf *leaf(const Fixture *f, uint32_t n, uint32_t sub)
{
    for (unsigned i = 0; i < f->cpu->n_leaves; i++) {
        const X86Leaf *l = &f->cpu->leaves[i];

        if (l->leaf == n && (!l->has_subleaf || l->subleaf == sub)) {
            return l;
        }
    }
    return NULL;
}

static uint32_t reg(const Fixture *f, uint32_t n, uint32_t sub, X86Reg r)
{
    const X86Leaf *l = leaf(f, n, sub);

    return l ? l->reg[r] : 0;
}

static void assert_text(const Fixture *f, uint32_t n, const char *want)
{
    const X86Leaf *l = leaf(f, n, 0);
    bool vendor = n == 0; /* EBX, EDX, ECX; hypervisors: EBX, ECX, EDX */
    uint32_t text[4] = { l->reg[1], l->reg[vendor ? 3 : 2],
                         l->reg[vendor ? 2 : 3], 0 };

    g_assert_cmpstr((char *)text, ==, want);
}

static void a_model_is_its_table(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    must_build(&f, "Skylake-Server-v1", "");
    g_assert_cmphex(reg(&f, 1, 0, X86_EAX), ==, 0x00050654); /* 6, 85, 4 */
    g_assert_cmphex(reg(&f, 0, 0, X86_EAX), ==, 0xd);
    g_assert_cmphex(reg(&f, 0x80000000, 0, X86_EAX), ==, 0x80000008);
    /* SSE3, AVX, hypervisor; neither VMX nor MONITOR */
    g_assert_cmphex(reg(&f, 1, 0, X86_ECX) & 0x90000029, ==, 0x90000001);
    g_assert_cmphex(reg(&f, 7, 0, X86_EBX) >> 16 & 1, ==, 1); /* AVX512F */
    g_assert_cmphex(reg(&f, 0x80000008, 0, X86_EAX), ==, 46 | 48 << 8);
    /* defaults of the engine: not PV_UNHALT (7), nor PV_IPI (11) */
    g_assert_cmphex(reg(&f, 0x40000001, 0, X86_EAX), ==, 0x0100007b);
    teardown(&f);
}

static void an_alias_is_the_newest_version(void)
{
    Fixture f;
    uint32_t of_alias;

    setup(&f, "GenuineIntel");
    must_build(&f, "Skylake-Server", "");
    of_alias = reg(&f, 7, 0, X86_EBX);
    g_assert_cmpstr(((const CpuType *)((Object *)f.cpu)->type)->alias_of, ==,
                    "Skylake-Server-v5");
    must_build(&f, "Skylake-Server-v5", "");
    g_assert_cmphex(reg(&f, 7, 0, X86_EBX), ==, of_alias);
    must_build(&f, "Skylake-Server-v1", ""); /* this one has TSX */
    g_assert_cmphex(reg(&f, 7, 0, X86_EBX), !=, of_alias);
    teardown(&f);
}

static void features_come_and_go(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    must_build(&f, "qemu64", "avx2=on,avx=on,xsave=on,sse2=off");
    g_assert_cmphex(reg(&f, 7, 0, X86_EBX) >> 5 & 1, ==, 1);
    g_assert_cmphex(reg(&f, 1, 0, X86_EDX) >> 26 & 1, ==, 0);
    g_assert_cmphex(reg(&f, 0, 0, X86_EAX), ==, 0xd);
    g_assert_cmphex(reg(&f, 0xd, 0, X86_EAX), ==, 7); /* x87, SSE, AVX */
    g_assert_cmphex(reg(&f, 0xd, 0, X86_ECX), ==, 832);
    must_build(&f, "Skylake-Server", "avx=off"); /* and what stands on it */
    g_assert_cmphex(reg(&f, 7, 0, X86_EBX) & 0x00010020, ==, 0);
    teardown(&f);
}

static void what_the_engine_lacks_is_left_out(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    f.leaves[1].reg[X86_ECX] &= ~1u; /* SSE3 */
    f.leaves[3].reg[X86_EBX] &= ~(1u << 16);
    must_build(&f, "Skylake-Server-v5", "check=off");
    g_assert_cmphex(reg(&f, 1, 0, X86_ECX) & 1, ==, 0);
    g_auto(GStrv) names = x86_filtered_names(f.cpu);
    g_autofree char *text = g_strjoinv(" ", names);
    g_assert_cmpstr(text, ==, "pni avx512f");
    assert_refused(&f, "Skylake-Server-v5", "enforce=on",
                   "Host doesn't support requested features");
    must_build(&f, "Skylake-Server-v5", "pni=off,avx512f=off,enforce=on");
    teardown(&f);
}

/* RDCL_NO, IBRS_ALL, SKIP_L1DFL, MDS_NO: SDM 4, table 2-2, MSR 10AH. */
static void capabilities_in_an_msr_are_features(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    f.host.arch_caps = BIT(62) | 0x29;
    must_build(&f, "Cascadelake-Server-v2", "check=off");
    g_assert_cmphex(f.cpu->words[X86_ARCH_CAPS], ==, 0x29);
    g_auto(GStrv) names = x86_filtered_names(f.cpu);
    g_autofree char *text = g_strjoinv(" ", names);
    g_assert_cmpstr(text, ==, "ibrs-all");
    must_build(&f, "host", "mds-no=off");
    g_assert_cmphex(f.cpu->words[X86_ARCH_CAPS], ==, 0x09);
    must_build(&f, "qemu64", "rdctl-no=on"); /* without the MSR */
    g_assert_cmphex(f.cpu->words[X86_ARCH_CAPS], ==, 0);
    must_build(&f, "qemu64", "rdctl-no=on,arch-capabilities=on");
    g_assert_cmphex(f.cpu->words[X86_ARCH_CAPS], ==, 1);
    teardown(&f);
}

static void host_is_what_the_engine_has(void)
{
    Fixture f;

    setup(&f, "AuthenticAMD");
    must_build(&f, "host", "");
    g_assert_cmphex(reg(&f, 1, 0, X86_EAX), ==, 0x000506e3);
    g_assert_cmphex(reg(&f, 0, 0, X86_EAX), ==, 0x16);
    /* what has no name here stays behind, as does invtsc */
    g_assert_cmphex(reg(&f, 7, 0, X86_ECX) & 1, ==, 0);
    g_assert_cmphex(reg(&f, 0x80000007, 0, X86_EDX), ==, 0);
    g_assert_cmphex(reg(&f, 0x80000001, 0, X86_ECX) >> 22 & 1, ==, 0);
    g_assert_cmphex(reg(&f, 0x40000001, 0, X86_EAX) & 0x01008881, ==,
                    0x01000881); /* no 15-bit destinations */
    g_assert_null(x86_cpu_vmstate.blocked(f.cpu));
    must_build(&f, "host", "migratable=off");
    g_assert_cmphex(reg(&f, 7, 0, X86_ECX) & 1, ==, 1);
    g_assert_cmphex(reg(&f, 0x80000007, 0, X86_EDX) >> 8 & 1, ==, 1);
    teardown(&f);
}

static void an_invariant_tsc_stays_unless_its_pace_is_given(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    f.host.tsc_khz = 2500000;
    must_build(&f, "qemu64", "invtsc=on");
    g_assert_cmpstr(x86_cpu_vmstate.blocked(f.cpu), ==,
                    "State blocked by non-migratable CPU device (invtsc flag)");
    g_assert_cmpuint(reg(&f, 0x40000000, 0, X86_EAX), ==, 0x40000010);
    g_assert_cmpuint(reg(&f, 0x40000010, 0, X86_EAX), ==, 2500000);
    must_build(&f, "qemu64", "invtsc=on,tsc-frequency=2000000000");
    g_assert_null(x86_cpu_vmstate.blocked(f.cpu));
    g_assert_cmpuint(reg(&f, 0x40000010, 0, X86_EAX), ==, 2000000);
    teardown(&f);
}

static void identity_can_be_given(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    must_build(&f, "qemu64",
               "vendor=HygonGenuine,family=200,model=99,stepping=9,"
               "model-id=hello,level=9,xlevel=2147483650,phys-bits=46");
    assert_text(&f, 0, "HygonGenuine");
    /* 200 = 15 + 185; 99 = 0x63: SDM 2A figure 3-6 */
    g_assert_cmphex(reg(&f, 1, 0, X86_EAX), ==, 0x0b960f39);
    g_assert_cmphex(reg(&f, 0x80000002, 0, X86_EAX), ==, 0x6c6c6568);
    g_assert_cmphex(reg(&f, 0, 0, X86_EAX), ==, 9);
    g_assert_cmphex(reg(&f, 0x80000000, 0, X86_EAX), ==, 0x80000002);
    assert_refused(&f, "qemu64", "vendor=short",
                   "value of property 'vendor' must consist of exactly 12 "
                   "characters");
    assert_refused(&f, "qemu64", "phys-bits=53", "phys-bits must be 32 to 52");
    assert_refused(&f, "qemu64", "host-phys-bits-limit=31",
                   "host-phys-bits-limit must be 32 or more");
    assert_refused(&f, "qemu64", "family=271",
                   "family, model or stepping is too large for CPUID: at most "
                   "270, 255 and 15");
    must_build(&f, "qemu64", "host-phys-bits=on,host-phys-bits-limit=40");
    g_assert_cmphex(reg(&f, 0x80000008, 0, X86_EAX) & 0xff, ==, 40);
    must_build(&f, "qemu64", "min-level=20,min-xlevel=2147483680");
    g_assert_cmphex(reg(&f, 0, 0, X86_EAX), ==, 20);
    g_assert_cmphex(reg(&f, 0x80000000, 0, X86_EAX), ==, 0x80000020);
    teardown(&f);
}

/* 2 sockets of 3 cores of 2 threads; ids have 1 bit of thread, 2 of core. */
static void topology_makes_the_apic_id(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    f.bare.m->config.cpus = f.bare.m->config.max_cpus = 12;
    f.bare.m->config.sockets = 2;
    f.bare.m->config.cores = 3;
    f.bare.m->config.threads_per_core = 2;
    must_build(&f, "Skylake-Server", "");
    x86_cpuid_free(f.cpu);
    f.cpu->parent.id = 8 + 4 + 1; /* socket 1, core 2, thread 1 */
    g_assert_true(x86_cpuid_build(f.cpu, &f.host, NULL));
    g_assert_cmphex(reg(&f, 1, 0, X86_EBX), ==, 0x0d060800);
    g_assert_cmphex(reg(&f, 1, 0, X86_EDX) >> 28 & 1, ==, 1);
    g_assert_cmphex(reg(&f, 0xb, 0, X86_EAX), ==, 1);
    g_assert_cmphex(reg(&f, 0xb, 0, X86_EBX), ==, 2);
    g_assert_cmphex(reg(&f, 0xb, 0, X86_ECX), ==, 0x100);
    g_assert_cmphex(reg(&f, 0xb, 1, X86_EAX), ==, 3);
    g_assert_cmphex(reg(&f, 0xb, 1, X86_EBX), ==, 6);
    g_assert_cmphex(reg(&f, 0xb, 1, X86_ECX), ==, 0x201);
    g_assert_cmphex(reg(&f, 0xb, 1, X86_EDX), ==, 13);
    /* L1 by a core's threads, L3 by the socket's; 4 core ids in it */
    g_assert_cmphex(reg(&f, 4, 0, X86_EAX) >> 14, ==, 3 << 12 | 1);
    g_assert_cmphex(reg(&f, 4, 3, X86_EAX) >> 14, ==, 3 << 12 | 7);
    must_build(&f, "EPYC", "vendor=AuthenticAMD");
    x86_cpuid_free(f.cpu);
    f.cpu->parent.id = 13;
    g_assert_true(x86_cpuid_build(f.cpu, &f.host, NULL));
    g_assert_null(leaf(&f, 4, 0));
    g_assert_cmphex(reg(&f, 0x80000008, 0, X86_ECX), ==, 0x3005);
    g_assert_cmphex(reg(&f, 0x8000001d, 3, X86_EAX) >> 14, ==, 7);
    g_assert_cmphex(reg(&f, 0x8000001e, 0, X86_EAX), ==, 13);
    g_assert_cmphex(reg(&f, 0x8000001e, 0, X86_EBX), ==, 0x106);
    must_build(&f, "EPYC", "vendor=AuthenticAMD,l3-cache=off");
    g_assert_cmphex(reg(&f, 0x8000001d, 3, X86_EAX), ==, 0);
    g_assert_cmphex(reg(&f, 0x80000006, 0, X86_EDX), ==, 0);
    teardown(&f);
}

static void the_vendor_is_the_hosts(void)
{
    Fixture f;

    setup(&f, "AuthenticAMD");
    must_build(&f, "Skylake-Server", "");
    assert_text(&f, 0, "AuthenticAMD");
    g_assert_null(leaf(&f, 4, 0));
    must_build(&f, "Skylake-Server", "vendor=GenuineIntel");
    assert_text(&f, 0, "GenuineIntel");
    g_assert_nonnull(leaf(&f, 4, 0));
    teardown(&f);
}

static void give_hyperv(Fixture *f)
{
    f->hv[f->host.n_hv++] =
        (X86Leaf){ 0x40000003, 0, false, { 0x2aff, 0, 0, 0x84510 } };
    f->hv[f->host.n_hv++] = (X86Leaf){ 0x40000004, 0, false, { 0xe2c } };
    f->host.hv = f->hv;
}

static void hyperv_needs_an_engine_that_has_it(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    assert_refused(&f, "host", "hv-relaxed=on",
                   "Hyper-V enlightenments (hv-*) are not supported by the "
                   "host's kvm: leave them out");
    assert_refused(&f, "host", "hv-spinlocks=4096",
                   "Hyper-V enlightenments (hv-*) are not supported by the "
                   "host's kvm: leave them out");
    give_hyperv(&f);
    assert_refused(&f, "host", "hv-synic=on", "hv-synic needs hv-vpindex");
    assert_refused(&f, "host", "hv-stimer=on,hv-synic=on,hv-vpindex=on",
                   "hv-stimer needs hv-time");
    assert_refused(&f, "host", "hv-evmcs=on,hv-vapic=on",
                   "hv-evmcs is not supported by the host's kvm");
    teardown(&f);
}

static void hyperv_leaves_stand_before_the_engines(void)
{
    Fixture f;

    setup(&f, "GenuineIntel");
    give_hyperv(&f);
    must_build(&f, "qemu64",
               "hv-relaxed=on,hv-vapic=on,hv-time=on,hv-frequencies=on,"
               "hv-spinlocks=8191,hv-vendor-id=Tandem,hv-version-id-build=7");
    assert_text(&f, 0x40000000, "Tandem");
    g_assert_cmphex(reg(&f, 0x40000000, 0, X86_EAX), ==, 0x40000006);
    g_assert_cmphex(reg(&f, 0x40000001, 0, X86_EAX), ==, 0x31237648); /* Hv#1 */
    g_assert_cmphex(reg(&f, 0x40000002, 0, X86_EAX), ==, 7);
    g_assert_cmphex(reg(&f, 0x40000002, 0, X86_EBX), ==, 0x000a0000);
    /* TIME_REF_COUNT, APIC, HYPERCALL, REFERENCE_TSC, FREQUENCY */
    g_assert_cmphex(reg(&f, 0x40000003, 0, X86_EAX), ==, 0xa32);
    g_assert_cmphex(reg(&f, 0x40000003, 0, X86_EDX), ==, 0x100);
    g_assert_cmphex(reg(&f, 0x40000004, 0, X86_EAX), ==, 0x28);
    g_assert_cmphex(reg(&f, 0x40000004, 0, X86_EBX), ==, 8191);
    assert_text(&f, 0x40000100, "KVMKVMKVM");
    g_assert_cmphex(reg(&f, 0x40000101, 0, X86_EAX), ==, 0x0100007b);
    must_build(&f, "qemu64", "hv-passthrough=on");
    g_assert_cmphex(reg(&f, 0x40000003, 0, X86_EAX), ==, 0x2aff);
    g_assert_cmphex(reg(&f, 0x40000003, 0, X86_EDX), ==, 0x84510);
    g_assert_cmphex(reg(&f, 0x40000004, 0, X86_EAX), ==, 0xe2c);
    must_build(&f, "qemu64", "kvm=off");
    g_assert_null(leaf(&f, 0x40000000, 0));
    teardown(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-cpuid/table", a_model_is_its_table);
    g_test_add_func("/x86-cpuid/alias", an_alias_is_the_newest_version);
    g_test_add_func("/x86-cpuid/features", features_come_and_go);
    g_test_add_func("/x86-cpuid/lacking", what_the_engine_lacks_is_left_out);
    g_test_add_func("/x86-cpuid/arch-capabilities",
                    capabilities_in_an_msr_are_features);
    g_test_add_func("/x86-cpuid/host", host_is_what_the_engine_has);
    g_test_add_func("/x86-cpuid/invtsc",
                    an_invariant_tsc_stays_unless_its_pace_is_given);
    g_test_add_func("/x86-cpuid/identity", identity_can_be_given);
    g_test_add_func("/x86-cpuid/topology", topology_makes_the_apic_id);
    g_test_add_func("/x86-cpuid/vendor", the_vendor_is_the_hosts);
    g_test_add_func("/x86-cpuid/hyperv-refused",
                    hyperv_needs_an_engine_that_has_it);
    g_test_add_func("/x86-cpuid/hyperv-leaves",
                    hyperv_leaves_stand_before_the_engines);
    return g_test_run();
}
