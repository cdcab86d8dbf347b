/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state (DESIGN 2, DECISIONS 45-48): a device describes the fields of
 * its struct in a table, and one piece of code saves, checks and loads them.
 *
 * On the wire all is big-endian, in table order. Loading checks lengths and
 * counts against the table before anything is written, and `post_load`
 * bounds what the guest will use as an index. Machine lock, VM stopped.
 */
#ifndef SOFTMMU_OBJECT_VMSTATE_H
#define SOFTMMU_OBJECT_VMSTATE_H

#include "tandem/base.h"

typedef struct VmState VmState;
typedef struct VmField VmField;

typedef enum VmKind {
    VM_KIND_UINT,   /* unsigned of .size bytes: 1, 2, 4, 8 */
    VM_KIND_BOOL,   /* wire: one byte, 0 or 1; anything else is refused */
    VM_KIND_BYTES,  /* .size bytes as they are */
    VM_KIND_STRUCT, /* .state says how; .size bytes each */
    VM_KIND_CUSTOM, /* .custom says how */
} VmKind;

/* A growing or a read-only buffer with a cursor; reads past the end fail and
 * stay failed, returning zeros. Used by custom fields. */
typedef struct VmBuffer {
    GByteArray *out;   /* saving */
    const uint8_t *in; /* loading */
    size_t in_len, in_pos;
    bool failed;
} VmBuffer;
void vm_put(VmBuffer *b, const void *data, size_t len);
void vm_put_u64(VmBuffer *b, uint64_t v);
bool vm_get(VmBuffer *b, void *data, size_t len);
uint64_t vm_get_u64(VmBuffer *b);

/* For state that is no plain field: lists, blobs with a cap. */
typedef struct VmCustom {
    void (*save)(const void *field, const void *obj, VmBuffer *b);
    bool (*load)(void *field, void *obj, VmBuffer *b, Error **errp);
} VmCustom;

struct VmField {
    const char *name; /* NULL ends the table */
    size_t offset;
    VmKind kind;
    size_t size;    /* of one element */
    uint32_t count; /* elements; with .count_offset the most there may be */
    /* Offset + 1 of a uint32_t in the struct that says how many are in use
     * (a field saved before this one); 0: always .count. */
    size_t count_offset;
    bool pointer; /* the field points to the elements */
    const VmState *state;
    const VmCustom *custom;
    /* Version that brought it; 0: the first. Set by writing the row out. */
    int since;
    bool (*needed)(const void *obj); /* a property of the machine, not of
                                        guest state: same on both sides */
};

struct VmState {
    const char *name; /* part of the format, never changed */
    int version;
    const VmField *fields;
    int min_version; /* oldest that loads; 0: only 1..version all do */
    /* Why this object cannot be saved as it is now; NULL: it can. */
    const char *(*blocked)(void *obj);
    void (*pre_save)(void *obj);
    /* Defaults of fields that an older stream lacks, before they load. */
    void (*pre_load)(void *obj);
    /* Bound every count and index; derive what is derived. @version is the
     * stream's. False refuses the stream. */
    bool (*post_load)(void *obj, int version, Error **errp);
    /* A subsection travels only when needed() says so when saving. */
    bool (*needed)(void *obj);
    const VmState *const *subsections; /* NULL-terminated, or NULL */
    bool optional; /* an unknown section of this name may be skipped */
};

#define VM_FIELD_(Struct, f, k, sz, n)                                         \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = (k), .size = (sz),  \
        .count = (n)                                                           \
    }
#define VM_ELEM_SIZE_(Struct, f) sizeof(((Struct *)0)->f[0])
#define VM_ELEMS_(Struct, f)     ARRAY_SIZE(((Struct *)0)->f)
/* Each checks that the field has that very type. */
#define VM_TYPED_(Struct, f, T)                                                \
    (sizeof(((Struct *)0)->f) +                                                \
     0 * sizeof(char[__builtin_types_compatible_p(                             \
                         __typeof__(((Struct *)0)->f), T)                      \
                         ? 1                                                   \
                         : -1]))
#define VM_U8(Struct, f)                                                       \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_TYPED_(Struct, f, uint8_t), 1)
#define VM_U16(Struct, f)                                                      \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_TYPED_(Struct, f, uint16_t), 1)
#define VM_U32(Struct, f)                                                      \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_TYPED_(Struct, f, uint32_t), 1)
#define VM_U64(Struct, f)                                                      \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_TYPED_(Struct, f, uint64_t), 1)
#define VM_I64(Struct, f)                                                      \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_TYPED_(Struct, f, int64_t), 1)
#define VM_BOOL(Struct, f)                                                     \
    VM_FIELD_(Struct, f, VM_KIND_BOOL, VM_TYPED_(Struct, f, bool), 1)
/* Enums and ints: saved as their size, bounded by post_load. */
#define VM_INT(Struct, f)                                                      \
    VM_FIELD_(Struct, f, VM_KIND_UINT, sizeof(((Struct *)0)->f), 1)
/* Arrays in the struct, of 1, 2, 4 or 8 byte unsigned elements. */
#define VM_ARRAY(Struct, f)                                                    \
    VM_FIELD_(Struct, f, VM_KIND_UINT, VM_ELEM_SIZE_(Struct, f),               \
              VM_ELEMS_(Struct, f))
#define VM_U8_ARRAY(Struct, f)  VM_ARRAY(Struct, f)
#define VM_U16_ARRAY(Struct, f) VM_ARRAY(Struct, f)
#define VM_U32_ARRAY(Struct, f) VM_ARRAY(Struct, f)
#define VM_U64_ARRAY(Struct, f) VM_ARRAY(Struct, f)
#define VM_BOOL_ARRAY(Struct, f)                                               \
    VM_FIELD_(Struct, f, VM_KIND_BOOL, 1, VM_ELEMS_(Struct, f))
/* Bytes of an array as they are. */
#define VM_BYTES(Struct, f)                                                    \
    VM_FIELD_(Struct, f, VM_KIND_BYTES, sizeof(((Struct *)0)->f), 1)
/* A nested struct, or an array of them, by its own table. */
#define VM_STRUCT(Struct, f, st)                                               \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = VM_KIND_STRUCT,     \
        .size = sizeof(((Struct *)0)->f), .count = 1, .state = &(st)           \
    }
#define VM_STRUCT_ARRAY(Struct, f, st)                                         \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = VM_KIND_STRUCT,     \
        .size = VM_ELEM_SIZE_(Struct, f), .count = VM_ELEMS_(Struct, f),       \
        .state = &(st)                                                         \
    }
/* @f points to elements; the uint32_t field @n says how many, at most @max.
 * The memory exists (realize made it) for at least that many. */
#define VM_VARRAY(Struct, f, n, max)                                           \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = VM_KIND_UINT,       \
        .size = sizeof(*((Struct *)0)->f), .count = (max),                     \
        .count_offset = offsetof(Struct, n) + 1, .pointer = true               \
    }
#define VM_STRUCT_VARRAY(Struct, f, n, max, st)                                \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = VM_KIND_STRUCT,     \
        .size = sizeof(*((Struct *)0)->f), .count = (max),                     \
        .count_offset = offsetof(Struct, n) + 1, .pointer = true,              \
        .state = &(st)                                                         \
    }
#define VM_CUSTOM(Struct, f, ops)                                              \
    {                                                                          \
        .name = #f, .offset = offsetof(Struct, f), .kind = VM_KIND_CUSTOM,     \
        .custom = &(ops)                                                       \
    }

/* Append @obj's state, subsections included. */
void vmstate_save(const VmState *st, void *obj, GByteArray *out);
/*
 * vmstate_load: @data holds exactly one such state, saved as @version. On
 * failure @obj is in an unspecified but safe state (every field was checked
 * before it was written, post_load may not have run): reset it before use.
 */
bool vmstate_load(const VmState *st, void *obj, int version,
                  const uint8_t *data, size_t len, Error **errp);
/* The fields as JSON, for the stream's description (DECISIONS 45). */
struct json_object *vmstate_describe(const VmState *st);

#endif
