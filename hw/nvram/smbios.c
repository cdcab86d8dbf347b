/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables.
 *
 * Spec:  DSP0134 3.0.0: 5.2.2 (64-bit entry point), 6.1 (structures, strings),
 *        7.1 to 7.5, 7.12, 7.17, 7.18, 7.20, 7.33, 7.45; processor families of
 *        RISC-V: 3.3.0, table 23. Handles and defaults are those that clients
 *        of the reference see.
 * Omits: type 8, 9, 39 and 41 structures; NUMA nodes; plugged memory.
 */
#include "tandem/base.h"

#include "hw/nvram/fw_cfg.h"
#include "hw/nvram/smbios.h"
#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

enum {
    VALUES_MAX = 65535, /* of a 16-bit field */
    FILE_MAX = 65536,   /* bytes of a structure from a file */
    STRINGS_MAX = 255,  /* of a structure: numbers are bytes */
    NO_STRUCTURE = 0xfffe,
};

struct Smbios {
    GHashTable *fields; /* char * "TYPE.FIELD" -> char * */
    GPtrArray *oem;     /* char *: type 11, in order */
    GPtrArray *raw;     /* GBytes *: from files */
    bool asked[128];    /* a type was named */
    bool any;           /* one was, or a file */
};

/* --- options --- */

/* What may be said of each type. */
static const struct {
    uint8_t type;
    const char *fields; /* a space between */
} known[] = {
    { 0, "vendor version date release uefi" },
    { 1, "manufacturer product version serial uuid sku family" },
    { 2, "manufacturer product version serial asset location" },
    { 3, "manufacturer version serial asset sku" },
    { 4, "sock_pfx manufacturer version serial asset part max-speed "
         "current-speed processor-family processor-id" },
    { 11, "value path" },
    { 17, "loc_pfx bank manufacturer serial asset part speed" },
};

static const char *fields_of(uint64_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].type == type) {
            return known[i].fields;
        }
    }
    return NULL;
}

static const char *field(const Smbios *s, unsigned type, const char *name,
                         const char *other)
{
    g_autofree char *key = g_strdup_printf("%u.%s", type, name);
    const char *text = g_hash_table_lookup(s->fields, key);

    return text ? text : other;
}

/* Fields that are numbers, and how large. */
static const struct {
    uint8_t type;
    const char *name;
    uint64_t max;
} numbers[] = {
    { 4, "max-speed", VALUES_MAX },        { 4, "current-speed", VALUES_MAX },
    { 4, "processor-family", VALUES_MAX }, { 4, "processor-id", UINT64_MAX },
    { 17, "speed", VALUES_MAX },
};

static uint64_t number(const Smbios *s, unsigned type, const char *name,
                       uint64_t other)
{
    const char *text = field(s, type, name, NULL);
    uint64_t value;

    return text && parse_u64(text, &value) ? value : other;
}

/* "MAJOR.MINOR", each a byte. */
static bool parse_release(const char *text, uint8_t out[2])
{
    g_auto(GStrv) part = g_strsplit(text, ".", -1);

    for (int i = 0; i < 2; i++) {
        uint64_t value;

        if (g_strv_length(part) != 2 || !parse_u64(part[i], &value) ||
            value > UINT8_MAX) {
            return false;
        }
        out[i] = (uint8_t)value;
    }
    return true;
}

/* Where its bytes go: the first three fields are little-endian (7.2.1). */
static const uint8_t uuid_order[16] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                        8, 9, 10, 11, 12, 13, 14, 15 };

static bool parse_uuid(const char *text, uint8_t out[16])
{
    if (!g_uuid_string_is_valid(text)) {
        return false;
    }
    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        at += text[at] == '-';
        out[uuid_order[i]] = (uint8_t)(g_ascii_xdigit_value(text[at]) << 4 |
                                       g_ascii_xdigit_value(text[at + 1]));
    }
    return true;
}

static bool check_value(unsigned type, const char *name, const char *text,
                        Error **errp)
{
    uint8_t scratch[16];
    uint64_t value;
    bool on;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (numbers[i].type == type && strcmp(numbers[i].name, name) == 0 &&
            (!parse_u64(text, &value) || value > numbers[i].max)) {
            error_set(errp, "Parameter '%s' expects a number up to %" PRIu64,
                      name, numbers[i].max);
            return false;
        }
    }
    if (type == 0 && strcmp(name, "release") == 0 &&
        !parse_release(text, scratch)) {
        error_set(errp, "Invalid release");
    } else if (type == 0 && strcmp(name, "uefi") == 0 &&
               !parse_bool(text, &on)) {
        error_set(errp, "Parameter 'uefi' expects 'on' or 'off'");
    } else if (type == 1 && strcmp(name, "uuid") == 0 &&
               !parse_uuid(text, scratch)) {
        error_set(errp, "Invalid UUID");
    } else {
        return true;
    }
    return false;
}

/* value=TEXT and path=FILE, as often as one likes. */
static bool add_oem(Smbios *s, const char *text, Error **errp)
{
    GPtrArray *values = keyval_all(text, "value");
    GPtrArray *paths = keyval_all(text, "path");
    g_autoptr(GError) gerr = NULL;
    bool ok = true;

    for (guint i = 0; i < values->len; i++) {
        g_ptr_array_add(s->oem, g_strdup(g_ptr_array_index(values, i)));
    }
    for (guint i = 0; ok && i < paths->len; i++) {
        char *data = NULL;

        ok = g_file_get_contents(g_ptr_array_index(paths, i), &data, NULL,
                                 &gerr);
        if (ok) {
            g_ptr_array_add(s->oem, data);
        } else {
            error_set(errp, "%s", gerr->message);
        }
    }
    g_ptr_array_unref(values);
    g_ptr_array_unref(paths);
    for (guint i = 0; ok && i < s->oem->len; i++) {
        ok = ((const char *)g_ptr_array_index(s->oem, i))[0] != '\0';
        if (!ok) { /* it would end the strings (6.1.3) */
            error_set(errp, "a string of type 11 is empty");
        }
    }
    if (ok && s->oem->len > STRINGS_MAX) {
        error_set(errp, "more than %d strings of type 11", STRINGS_MAX);
        ok = false;
    }
    return ok;
}

static bool add_fields(Smbios *s, unsigned type, json_object *options,
                       Error **errp)
{
    g_auto(GStrv) allowed = g_strsplit(fields_of(type), " ", -1);

    json_object_object_foreach(options, key, value)
    {
        const char *text = json_object_get_string(value);

        if (strcmp(key, "type") == 0) {
            continue;
        }
        if (!g_strv_contains((const char *const *)allowed, key)) {
            error_set(errp, "Invalid parameter '%s'", key);
            return false;
        }
        if (!check_value(type, key, text, errp)) {
            return false;
        }
        g_hash_table_replace(s->fields, g_strdup_printf("%u.%s", type, key),
                             g_strdup(text));
    }
    s->asked[type] = s->any = true;
    return true;
}

/* One structure, with its strings and the two NULs that end them (6.1.2). */
static bool add_file(Smbios *s, const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    char *data = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &gerr)) {
        error_set(errp, "Cannot read SMBIOS file: %s", gerr->message);
        return false;
    }
    if (len < 6 || len > FILE_MAX || (uint8_t)data[1] < 4 ||
        (uint8_t)data[1] > len - 2 || data[len - 1] || data[len - 2]) {
        error_set(errp, "'%s' is not one SMBIOS structure", path);
        g_free(data);
        return false;
    }
    g_ptr_array_add(s->raw, g_bytes_new_take(data, len));
    s->any = true;
    return true;
}

static bool add_options(Smbios *s, const char *text, json_object *options,
                        Error **errp)
{
    const char *type = json_get_text(options, "type");
    const char *file = json_get_text(options, "file");
    uint64_t n;

    if (file) {
        if (json_object_object_length(options) != 1) {
            error_set(errp, "'file' stands alone");
            return false;
        }
        return add_file(s, file, errp);
    }
    if (!type) {
        error_set(errp, "Must specify type= or file=");
        return false;
    }
    if (!parse_u64(type, &n) || n >= ARRAY_SIZE(s->asked) || !fields_of(n)) {
        error_set(errp, "Don't know how to build fields for SMBIOS type %s",
                  type);
        return false;
    }
    return add_fields(s, (unsigned)n, options, errp) &&
           (n != 11 || add_oem(s, text, errp));
}

bool smbios_add_option(Smbios *s, const char *text, Error **errp)
{
    json_object *options = keyval_parse(text, NULL, errp);
    bool ok = options && add_options(s, text, options, errp);

    json_object_put(options);
    return ok;
}

bool smbios_has_options(const Smbios *s)
{
    return s->any;
}

/* --- structures --- */

/* The tables, and the structure that is being written. */
typedef struct Tables {
    const Smbios *s;
    Machine *m;
    uint16_t family; /* of its processors: table 23 */
    GByteArray *out;
    guint start;
    GPtrArray *strings; /* borrowed: of this structure, each once */
} Tables;

static void put8(Tables *t, uint8_t value)
{
    g_byte_array_append(t->out, &value, 1);
}

static void put16(Tables *t, uint16_t value)
{
    uint8_t raw[2];

    st16_le(raw, value);
    g_byte_array_append(t->out, raw, sizeof(raw));
}

static void put32(Tables *t, uint32_t value)
{
    uint8_t raw[4];

    st32_le(raw, value);
    g_byte_array_append(t->out, raw, sizeof(raw));
}

static void put64(Tables *t, uint64_t value)
{
    uint8_t raw[8];

    st64_le(raw, value);
    g_byte_array_append(t->out, raw, sizeof(raw));
}

/* The number of @text among the structure's strings; 0: there is none. */
static void put_text(Tables *t, const char *text)
{
    guint n = 0;

    if (text && text[0]) {
        while (n < t->strings->len &&
               strcmp(g_ptr_array_index(t->strings, n), text) != 0) {
            n++;
        }
        if (n == t->strings->len) {
            g_ptr_array_add(t->strings, (char *)text);
        }
        n++;
    }
    put8(t, (uint8_t)n);
}

static void begin(Tables *t, uint8_t type, uint16_t handle)
{
    t->start = t->out->len;
    g_ptr_array_set_size(t->strings, 0);
    put8(t, type);
    put8(t, 0);
    put16(t, handle);
}

/* Its length, then the strings (6.1.3). */
static void end(Tables *t)
{
    t->out->data[t->start + 1] = (uint8_t)(t->out->len - t->start);
    for (guint i = 0; i < t->strings->len; i++) {
        const char *text = g_ptr_array_index(t->strings, i);

        g_byte_array_append(t->out, (const uint8_t *)text, strlen(text) + 1);
    }
    if (t->strings->len == 0) {
        put8(t, 0);
    }
    put8(t, 0);
}

static const char *maker(const Tables *t, unsigned type)
{
    return field(t->s, type, "manufacturer", "QEMU");
}

static const char *model(const Tables *t, unsigned type)
{
    return field(t->s, type, "product", "QEMU Virtual Machine");
}

static const char *version(const Tables *t, unsigned type)
{
    return field(t->s, type, "version", t->m->type->machine_name);
}

/* BIOS Information, 7.1: only when something is said of it. */
static void put_type0(Tables *t)
{
    uint8_t release[2] = { 0 };
    bool uefi = false;

    if (!t->s->asked[0]) {
        return;
    }
    parse_release(field(t->s, 0, "release", "0.0"), release);
    parse_bool(field(t->s, 0, "uefi", "off"), &uefi);
    begin(t, 0, 0);
    put_text(t, field(t->s, 0, "vendor", NULL));
    put_text(t, field(t->s, 0, "version", NULL));
    put16(t, 0xe800); /* segment */
    put_text(t, field(t->s, 0, "date", NULL));
    put8(t, 0);                     /* 64 KiB */
    put64(t, 0x08);                 /* characteristics: not supported */
    put8(t, 0);                     /* extension 1 */
    put8(t, 0x14 | (uefi ? 8 : 0)); /* virtual machine, content distribution */
    put8(t, release[0]);
    put8(t, release[1]);
    put16(t, 0xffff); /* no embedded controller */
    end(t);
}

/* System Information, 7.2. */
static void put_type1(Tables *t)
{
    const MachineConfig *c = &t->m->config;
    const char *text = field(t->s, 1, "uuid", NULL);
    uint8_t uuid[16] = { 0 };

    if (text) {
        parse_uuid(text, uuid);
    } else if (c->uuid_set) {
        for (int i = 0; i < 16; i++) {
            uuid[uuid_order[i]] = c->uuid[i];
        }
    }
    begin(t, 1, 0x100);
    put_text(t, maker(t, 1));
    put_text(t, model(t, 1));
    put_text(t, version(t, 1));
    put_text(t, field(t->s, 1, "serial", NULL));
    g_byte_array_append(t->out, uuid, sizeof(uuid));
    put8(t, 6); /* woken by the power switch */
    put_text(t, field(t->s, 1, "sku", NULL));
    put_text(t, field(t->s, 1, "family", NULL));
    end(t);
}

/* Baseboard, 7.3: only when something is said of it. */
static void put_type2(Tables *t)
{
    if (!t->s->asked[2]) {
        return;
    }
    begin(t, 2, 0x200);
    put_text(t, maker(t, 2));
    put_text(t, model(t, 2));
    put_text(t, version(t, 2));
    put_text(t, field(t->s, 2, "serial", NULL));
    put_text(t, field(t->s, 2, "asset", NULL));
    put8(t, 1); /* hosting board */
    put_text(t, field(t->s, 2, "location", NULL));
    put16(t, 0x300); /* chassis */
    put8(t, 10);     /* motherboard */
    put8(t, 0);      /* no contained objects */
    end(t);
}

/* System Enclosure, 7.4. */
static void put_type3(Tables *t)
{
    begin(t, 3, 0x300);
    put_text(t, maker(t, 3));
    put8(t, 1); /* other */
    put_text(t, version(t, 3));
    put_text(t, field(t->s, 3, "serial", NULL));
    put_text(t, field(t->s, 3, "asset", NULL));
    put8(t, 3); /* boot-up, power supply, thermal: safe; */
    put8(t, 3);
    put8(t, 3);
    put8(t, 2);  /* security: unknown */
    put32(t, 0); /* OEM */
    put8(t, 0);  /* height, power cords, contained elements */
    put8(t, 0);
    put8(t, 0);
    put8(t, 0);
    put_text(t, field(t->s, 3, "sku", NULL));
    end(t);
}

/* Processor, 7.5: a socket; more than 255 cores have the wide fields alone. */
static void put_socket(Tables *t, unsigned n)
{
    const MachineConfig *c = &t->m->config;
    unsigned cores = MAX(c->cores, 1);
    unsigned threads = cores * MAX(c->threads_per_core, 1);
    g_autofree char *name =
        g_strdup_printf("%s %u", field(t->s, 4, "sock_pfx", "CPU"), n);

    begin(t, 4, (uint16_t)(0x400 + n));
    put_text(t, name);
    put8(t, 3);    /* central processor */
    put8(t, 0xfe); /* family: see family 2 */
    put_text(t, maker(t, 4));
    put64(t, number(t->s, 4, "processor-id", 0));
    put_text(t, version(t, 4));
    put8(t, 0);  /* voltage */
    put16(t, 0); /* external clock: unknown */
    put16(t, (uint16_t)number(t->s, 4, "max-speed", 2000)); /* MHz */
    put16(t, (uint16_t)number(t->s, 4, "current-speed", 2000));
    put8(t, 0x41);    /* populated, enabled */
    put8(t, 1);       /* upgrade: other */
    put16(t, 0xffff); /* no caches */
    put16(t, 0xffff);
    put16(t, 0xffff);
    put_text(t, field(t->s, 4, "serial", NULL));
    put_text(t, field(t->s, 4, "asset", NULL));
    put_text(t, field(t->s, 4, "part", NULL));
    put8(t, (uint8_t)MIN(cores, 0xff)); /* cores, enabled, threads */
    put8(t, (uint8_t)MIN(cores, 0xff));
    put8(t, (uint8_t)MIN(threads, 0xff));
    put16(t, 2); /* characteristics: unknown */
    put16(t, (uint16_t)number(t->s, 4, "processor-family", t->family));
    put16(t, (uint16_t)cores);
    put16(t, (uint16_t)cores);
    put16(t, (uint16_t)threads);
    end(t);
}

static void put_type4(Tables *t)
{
    const MachineConfig *c = &t->m->config;
    unsigned each = MAX(c->cores, 1) * MAX(c->threads_per_core, 1);
    unsigned sockets = (MAX(c->cpus, 1) + each - 1) / each;

    for (unsigned n = 0; n < sockets; n++) {
        put_socket(t, n);
    }
}

/* OEM Strings, 7.12. */
static void put_type11(Tables *t)
{
    if (t->s->oem->len == 0) {
        return;
    }
    begin(t, 11, 0xe00);
    put8(t, (uint8_t)t->s->oem->len);
    for (guint i = 0; i < t->s->oem->len; i++) { /* each has its place */
        g_ptr_array_add(t->strings, g_ptr_array_index(t->s->oem, i));
    }
    end(t);
}

/* Physical Memory Array, 7.17. */
static void put_type16(Tables *t)
{
    uint64_t kib = t->m->config.ram_size / KiB;

    begin(t, 16, 0x1000);
    put8(t, 1); /* other */
    put8(t, 3); /* system memory */
    put8(t, 6); /* multi-bit ECC */
    put32(t, kib < 0x80000000 ? (uint32_t)kib : 0x80000000);
    put16(t, NO_STRUCTURE); /* no error information */
    put16(t, 1);            /* one device */
    put64(t, kib < 0x80000000 ? 0 : t->m->config.ram_size);
    end(t);
}

/* Memory Device, 7.18; sizes in MiB, from 32 GiB - 1 MiB on extended. */
static void put_type17(Tables *t)
{
    uint64_t mib = t->m->config.ram_size / MiB;
    uint16_t speed = (uint16_t)number(t->s, 17, "speed", 0);
    g_autofree char *name =
        g_strdup_printf("%s 0", field(t->s, 17, "loc_pfx", "DIMM"));

    begin(t, 17, 0x1100);
    put16(t, 0x1000);
    put16(t, NO_STRUCTURE);
    put16(t, 0xffff); /* widths: unknown */
    put16(t, 0xffff);
    put16(t, mib < 0x7fff ? (uint16_t)mib : 0x7fff);
    put8(t, 9); /* DIMM */
    put8(t, 0); /* in no set */
    put_text(t, name);
    put_text(t, field(t->s, 17, "bank", NULL));
    put8(t, 7);  /* RAM */
    put16(t, 2); /* detail: other */
    put16(t, speed);
    put_text(t, maker(t, 17));
    put_text(t, field(t->s, 17, "serial", NULL));
    put_text(t, field(t->s, 17, "asset", NULL));
    put_text(t, field(t->s, 17, "part", NULL));
    put8(t, 0); /* rank: unknown */
    put32(t, mib < 0x7fff ? 0 : (uint32_t)mib);
    put16(t, speed); /* configured */
    put16(t, 0);     /* voltages: unknown */
    put16(t, 0);
    put16(t, 0);
    end(t);
}

/* Memory Array Mapped Address, 7.20: KiB, or bytes when they do not fit. */
static void put_type19(Tables *t)
{
    hwaddr first = t->m->ram ? t->m->ram->addr : 0;
    hwaddr last = first + t->m->config.ram_size - 1;
    bool wide = last / KiB >= UINT32_MAX;

    if (!t->m->ram) {
        return;
    }
    begin(t, 19, 0x1300);
    put32(t, wide ? UINT32_MAX : (uint32_t)(first / KiB));
    put32(t, wide ? UINT32_MAX : (uint32_t)(last / KiB));
    put16(t, 0x1000);
    put8(t, 1); /* one device */
    put64(t, wide ? first : 0);
    put64(t, wide ? last : 0);
    end(t);
}

/* System Boot Information, 7.33: no errors. */
static void put_type32(Tables *t)
{
    begin(t, 32, 0x2000);
    put32(t, 0);
    put16(t, 0);
    put8(t, 0);
    end(t);
}

static void put_raw(Tables *t)
{
    for (guint i = 0; i < t->s->raw->len; i++) {
        gsize len;
        const uint8_t *data =
            g_bytes_get_data(g_ptr_array_index(t->s->raw, i), &len);

        g_byte_array_append(t->out, data, len);
    }
}

/* End-of-Table, 7.45. */
static void put_type127(Tables *t)
{
    begin(t, 127, 0x7f00);
    end(t);
}

static void (*const structures[])(Tables *t) = {
    put_type0,  put_type1,  put_type2,  put_type3,  put_type4, put_type11,
    put_type16, put_type17, put_type19, put_type32, put_raw,   put_type127,
};

/* --- the files --- */

/* Boards that have them, with their processors' family. */
static const struct {
    const char *arch, *machine;
    uint16_t family;
} boards[] = {
    { "riscv64", "virt", 0x201 },
    { "riscv32", "virt", 0x200 },
};

static uint16_t family_of(const Machine *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        if (strcmp(boards[i].arch, m->view.arch) == 0 &&
            strcmp(boards[i].machine, m->type->machine_name) == 0) {
            return boards[i].family;
        }
    }
    return 0;
}

/* The 64-bit entry point; its address and checksum are the firmware's. */
static bool add_files(Machine *m, const GByteArray *tables, Error **errp)
{
    uint8_t anchor[24] = { '_', 'S', 'M', '3', '_', 0, 24, 3, 0, 0, 1 };

    st32_le(anchor + 12, tables->len);
    return fw_cfg_add_file(m->fw_cfg, "etc/smbios/smbios-tables", tables->data,
                           tables->len, NULL, NULL, errp) &&
           fw_cfg_add_file(m->fw_cfg, "etc/smbios/smbios-anchor", anchor,
                           sizeof(anchor), NULL, NULL, errp);
}

bool smbios_install(Smbios *s, Machine *m, Error **errp)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new();
    g_autoptr(GByteArray) out = g_byte_array_new();
    Tables t = { s, m, family_of(m), out, 0, strings };

    if (!m->fw_cfg || t.family == 0) {
        if (smbios_has_options(s)) {
            error_set(errp, "machine '%s' has no SMBIOS tables",
                      m->type->machine_name);
            return false;
        }
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(structures); i++) {
        structures[i](&t);
    }
    return add_files(m, out, errp);
}

/* --- life --- */

static void unref_bytes(gpointer bytes)
{
    g_bytes_unref(bytes);
}

Smbios *smbios_new(void)
{
    Smbios *s = g_new0(Smbios, 1);

    s->fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->oem = g_ptr_array_new_with_free_func(g_free);
    s->raw = g_ptr_array_new_with_free_func(unref_bytes);
    return s;
}

void smbios_free(Smbios *s)
{
    g_hash_table_unref(s->fields);
    g_ptr_array_unref(s->oem);
    g_ptr_array_unref(s->raw);
    g_free(s);
}
