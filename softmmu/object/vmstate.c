/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state: tables to bytes and back (DECISIONS 45, 46).
 *
 * A state is its fields in table order, then one byte with the number of
 * subsections, each {u8 name length, name, u32 version, u32 length, state}.
 * A struct field is a u32 version and the elements' states; a custom field
 * is a u32 length and its bytes. All big-endian.
 */
#include "tandem/base.h"

#include <json-c/json.h>

#include "softmmu/object/vmstate.h"

/* --- buffers --- */

void vm_put(VmBuffer *b, const void *data, size_t len)
{
    g_byte_array_append(b->out, data, len);
}

static void put_uint(VmBuffer *b, uint64_t v, size_t size)
{
    uint8_t bytes[8];

    st64_be(bytes, v);
    vm_put(b, bytes + 8 - size, size);
}

void vm_put_u64(VmBuffer *b, uint64_t v)
{
    put_uint(b, v, 8);
}

bool vm_get(VmBuffer *b, void *data, size_t len)
{
    if (len == 0) { /* of an array that may be empty: @data may be NULL */
        return !b->failed;
    }
    if (b->failed || len > b->in_len - b->in_pos) {
        b->failed = true;
        memset(data, 0, len);
        return false;
    }
    memcpy(data, b->in + b->in_pos, len);
    b->in_pos += len;
    return true;
}

static bool get_uint(VmBuffer *b, uint64_t *v, size_t size)
{
    uint8_t bytes[8] = { 0 };
    bool ok = vm_get(b, bytes + 8 - size, size);

    *v = ld64_be(bytes);
    return ok;
}

uint64_t vm_get_u64(VmBuffer *b)
{
    uint64_t v;

    get_uint(b, &v, 8);
    return v;
}

/* The next @len bytes of @b as a buffer of their own. */
static bool sub_buffer(VmBuffer *b, size_t len, VmBuffer *sub)
{
    if (b->failed || len > b->in_len - b->in_pos) {
        b->failed = true;
        return false;
    }
    *sub = (VmBuffer){ .in = b->in + b->in_pos, .in_len = len };
    b->in_pos += len;
    return true;
}

/* --- saving --- */

static void save_body(const VmState *st, void *obj, VmBuffer *b);

static void *field_data(const VmField *f, void *obj)
{
    void *at = (char *)obj + f->offset;

    return f->pointer ? *(void **)at : at;
}

static uint32_t stored_count(const VmField *f, const void *obj)
{
    return f->count_offset == 0
               ? f->count
               : *(const uint32_t *)((const char *)obj + f->count_offset - 1);
}

/* Reserve a u32 length at the end of @out; end_length() fills it in. */
static guint begin_length(VmBuffer *b)
{
    put_uint(b, 0, 4);
    return b->out->len;
}

static void end_length(VmBuffer *b, guint start)
{
    st32_be(b->out->data + start - 4, b->out->len - start);
}

static void save_element(const VmField *f, void *p, void *obj, VmBuffer *b)
{
    guint start;

    switch (f->kind) {
    case VM_KIND_UINT:
        put_uint(b, uint_load(p, f->size), f->size);
        break;
    case VM_KIND_BOOL:
        put_uint(b, *(const bool *)p, 1);
        break;
    case VM_KIND_BYTES:
        vm_put(b, p, f->size);
        break;
    case VM_KIND_STRUCT:
        save_body(f->state, p, b);
        break;
    case VM_KIND_CUSTOM:
        start = begin_length(b);
        f->custom->save(p, obj, b);
        end_length(b, start);
        break;
    }
}

static void save_field(const VmField *f, void *obj, VmBuffer *b)
{
    char *p = field_data(f, obj);
    uint32_t n = f->kind == VM_KIND_CUSTOM ? 1 : stored_count(f, obj);

    assert(f->kind == VM_KIND_CUSTOM || n <= f->count);
    if (f->kind == VM_KIND_STRUCT) {
        put_uint(b, f->state->version, 4);
    }
    for (uint32_t i = 0; i < n; i++) {
        save_element(f, p + i * f->size, obj, b);
    }
}

static void save_subsection(const VmState *sub, void *obj, VmBuffer *b)
{
    size_t name_len = strlen(sub->name);
    guint start;

    assert(name_len <= UINT8_MAX);
    put_uint(b, name_len, 1);
    vm_put(b, sub->name, name_len);
    put_uint(b, sub->version, 4);
    start = begin_length(b);
    save_body(sub, obj, b);
    end_length(b, start);
}

static void save_body(const VmState *st, void *obj, VmBuffer *b)
{
    guint count_at;
    uint8_t count = 0;

    if (st->pre_save) {
        st->pre_save(obj);
    }
    for (const VmField *f = st->fields; f && f->name; f++) {
        if (f->needed == NULL || f->needed(obj)) {
            save_field(f, obj, b);
        }
    }
    count_at = b->out->len;
    put_uint(b, 0, 1);
    for (const VmState *const *s = st->subsections; s && *s; s++) {
        if ((*s)->needed == NULL || (*s)->needed(obj)) {
            save_subsection(*s, obj, b);
            count++;
        }
    }
    b->out->data[count_at] = count;
}

void vmstate_save(const VmState *st, void *obj, GByteArray *out)
{
    VmBuffer b = { .out = out };

    save_body(st, obj, &b);
}

/* --- loading --- */

static bool load_body(const VmState *st, void *obj, int version, VmBuffer *b,
                      Error **errp);

static bool load_bool(bool *p, const VmField *f, VmBuffer *b, Error **errp)
{
    uint64_t v;

    get_uint(b, &v, 1);
    if (v > 1) {
        error_set(errp, "field '%s' is neither true nor false", f->name);
        return false;
    }
    *p = v;
    return true;
}

static bool load_custom(const VmField *f, void *p, void *obj, VmBuffer *b,
                        Error **errp)
{
    VmBuffer sub;
    uint64_t len;

    if (!get_uint(b, &len, 4) || !sub_buffer(b, len, &sub)) {
        return true; /* the caller reports the short stream */
    }
    if (!f->custom->load(p, obj, &sub, errp)) {
        return false;
    }
    if (sub.failed || sub.in_pos != sub.in_len) {
        error_set(errp, "field '%s' has a wrong length", f->name);
        return false;
    }
    return true;
}

static bool load_element(const VmField *f, void *p, void *obj, int version,
                         VmBuffer *b, Error **errp)
{
    uint64_t v;

    switch (f->kind) {
    case VM_KIND_UINT:
        if (get_uint(b, &v, f->size)) {
            uint_store(p, f->size, v);
        }
        return true;
    case VM_KIND_BOOL:
        return load_bool(p, f, b, errp);
    case VM_KIND_BYTES:
        if (f->size <= b->in_len - b->in_pos) {
            vm_get(b, p, f->size);
        } else {
            b->failed = true;
        }
        return true;
    case VM_KIND_STRUCT:
        return load_body(f->state, p, version, b, errp);
    case VM_KIND_CUSTOM:
        return load_custom(f, p, obj, b, errp);
    }
    return false;
}

static bool load_field(const VmField *f, void *obj, VmBuffer *b, Error **errp)
{
    char *p = field_data(f, obj);
    uint32_t n = f->kind == VM_KIND_CUSTOM ? 1 : stored_count(f, obj);
    uint64_t version = 0;

    if (f->kind != VM_KIND_CUSTOM && n > f->count) {
        error_set(errp,
                  "field '%s' has %" PRIu32 " elements, at most %" PRIu32
                  " fit",
                  f->name, n, f->count);
        return false;
    }
    if (f->kind == VM_KIND_STRUCT) {
        get_uint(b, &version, 4);
    }
    for (uint32_t i = 0; i < n && !b->failed; i++) {
        if (!load_element(f, p + i * f->size, obj, MIN(version, INT_MAX), b,
                          errp)) {
            return false;
        }
    }
    if (b->failed) {
        error_set(errp, "the data ends within field '%s'", f->name);
        return false;
    }
    return true;
}

static bool load_subsection(const VmState *st, void *obj, VmBuffer *b,
                            uint64_t *seen, Error **errp)
{
    char name[UINT8_MAX + 1];
    uint64_t name_len, version, len;
    VmBuffer body;

    get_uint(b, &name_len, 1);
    vm_get(b, name, name_len);
    name[name_len] = '\0';
    get_uint(b, &version, 4);
    if (!get_uint(b, &len, 4) || !sub_buffer(b, len, &body)) {
        error_set(errp, "the data ends within a subsection");
        return false;
    }
    for (int i = 0; st->subsections && st->subsections[i]; i++) {
        const VmState *sub = st->subsections[i];

        if (strcmp(sub->name, name) != 0) {
            continue;
        }
        assert(i < 64);
        if (*seen & BIT(i)) {
            error_set(errp, "subsection '%s' comes twice", name);
            return false;
        }
        *seen |= BIT(i);
        if (!load_body(sub, obj, MIN(version, INT_MAX), &body, errp)) {
            error_prefix(errp, "subsection '%s': ", name);
            return false;
        }
        if (body.in_pos != body.in_len) {
            error_set(errp, "subsection '%s' has a wrong length", name);
            return false;
        }
        return true;
    }
    error_set(errp, "unknown subsection '%s'", name);
    return false;
}

/* What a subsection that did not travel means: its defaults. */
static void absent_subsections(const VmState *st, void *obj)
{
    for (const VmState *const *s = st->subsections; s && *s; s++) {
        if ((*s)->pre_load) {
            (*s)->pre_load(obj);
        }
    }
}

static bool version_loads(const VmState *st, int version, Error **errp)
{
    int oldest = st->min_version ? st->min_version : 1;

    if (version < oldest || version > st->version) {
        error_set(errp, "version %d of '%s' does not load, only %d to %d do",
                  version, st->name, oldest, st->version);
        return false;
    }
    return true;
}

static bool load_body(const VmState *st, void *obj, int version, VmBuffer *b,
                      Error **errp)
{
    uint64_t count, seen = 0;

    if (!version_loads(st, version, errp)) {
        return false;
    }
    if (st->pre_load) {
        st->pre_load(obj);
    }
    absent_subsections(st, obj);
    for (const VmField *f = st->fields; f && f->name; f++) {
        if (f->since <= version && (f->needed == NULL || f->needed(obj)) &&
            !load_field(f, obj, b, errp)) {
            return false;
        }
    }
    if (!get_uint(b, &count, 1)) {
        error_set(errp, "the data of '%s' ends too early", st->name);
        return false;
    }
    for (; count > 0; count--) {
        if (!load_subsection(st, obj, b, &seen, errp)) {
            return false;
        }
    }
    return st->post_load == NULL || st->post_load(obj, version, errp);
}

bool vmstate_load(const VmState *st, void *obj, int version,
                  const uint8_t *data, size_t len, Error **errp)
{
    VmBuffer b = { .in = data, .in_len = len };
    Error *err = NULL;

    if (load_body(st, obj, version, &b, &err) && b.in_pos == b.in_len) {
        return true;
    }
    if (err == NULL) {
        error_set(&err, "%zu bytes follow the state", b.in_len - b.in_pos);
    }
    error_prefix(&err, "%s: ", st->name);
    error_move(errp, err);
    return false;
}

/* --- description --- */

static json_object *describe_field(const VmField *f)
{
    static const char *const kinds[] = {
        [VM_KIND_UINT] = "uint",     [VM_KIND_BOOL] = "bool",
        [VM_KIND_BYTES] = "bytes",   [VM_KIND_STRUCT] = "struct",
        [VM_KIND_CUSTOM] = "custom",
    };
    json_object *o = json_object_new_object();

    json_object_object_add(o, "name", json_object_new_string(f->name));
    json_object_object_add(o, "type", json_object_new_string(kinds[f->kind]));
    if (f->kind != VM_KIND_CUSTOM && f->kind != VM_KIND_STRUCT) {
        json_object_object_add(o, "size", json_object_new_uint64(f->size));
    }
    if (f->count != 1 && f->kind != VM_KIND_CUSTOM) {
        json_object_object_add(o, f->count_offset ? "max" : "count",
                               json_object_new_uint64(f->count));
    }
    if (f->since > 1) {
        json_object_object_add(o, "since", json_object_new_int(f->since));
    }
    if (f->kind == VM_KIND_STRUCT) {
        json_object_object_add(o, "struct", vmstate_describe(f->state));
    }
    return o;
}

json_object *vmstate_describe(const VmState *st)
{
    json_object *o = json_object_new_object();
    json_object *fields = json_object_new_array();

    json_object_object_add(o, "name", json_object_new_string(st->name));
    json_object_object_add(o, "version", json_object_new_int(st->version));
    for (const VmField *f = st->fields; f && f->name; f++) {
        json_object_array_add(fields, describe_field(f));
    }
    json_object_object_add(o, "fields", fields);
    if (st->subsections && st->subsections[0]) {
        json_object *subs = json_object_new_array();

        for (const VmState *const *s = st->subsections; *s; s++) {
            json_object_array_add(subs, vmstate_describe(*s));
        }
        json_object_object_add(o, "subsections", subs);
    }
    return o;
}
