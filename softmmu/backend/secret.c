/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret (SecretProperties of the QMP reference): bytes given as text or in
 * a file, plain or base64 (RFC 4648), and optionally encrypted by AES-256 in
 * CBC mode with PKCS #7 padding (RFC 5652 section 6.3) under another secret.
 */
#include "tandem/base.h"

#include "softmmu/backend/secret.h"
#include "softmmu/backend/crypto.h"

enum {
    SECRET_RAW,
    SECRET_BASE64,
    SECRET_FILE_MAX = 1024 * 1024, /* bytes; a key file is short */
};

typedef struct Secret {
    Object parent;
    char *data, *file, *keyid, *iv;
    int format;
    uint8_t *bytes; /* set by complete; a zero byte follows */
    size_t len;
} Secret;

static const PropertyEnum formats[] = {
    { "raw", SECRET_RAW },
    { "base64", SECRET_BASE64 },
    { 0 },
};

static const Property secret_props[] = {
    PROP(str, Secret, data, "data", NULL, "the secret itself"),
    PROP(str, Secret, file, "file", NULL, "a file that holds it"),
    PROP_ARG(enum, Secret, format, "format", "raw", "how it is written",
             formats),
    PROP(str, Secret, keyid, "keyid", NULL,
         "the secret that decrypts it (AES-256-CBC)"),
    PROP(str, Secret, iv, "iv", NULL, "initial vector for that, in base64"),
    { 0 },
};

/* Freed memory holds no secrets. */
static void wipe(uint8_t **bytes, size_t len)
{
    if (*bytes) {
        explicit_bzero(*bytes, len);
        g_clear_pointer(bytes, g_free);
    }
}

static bool base64_decode(const char *text, size_t text_len, uint8_t **bytes,
                          size_t *len, Error **errp)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/=\n";
    gsize n;

    if (strlen(text) != text_len || strspn(text, alphabet) != text_len) {
        error_set(errp, "Base64 data contains invalid characters");
        return false;
    }
    *bytes = g_base64_decode(text, &n);
    *bytes = g_realloc(*bytes, n + 1);
    (*bytes)[n] = 0;
    *len = n;
    return true;
}

static bool read_file(const char *path, uint8_t **bytes, size_t *len,
                      Error **errp)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *text = NULL;
    gsize n;

    if (!g_file_get_contents(path, &text, &n, &err)) {
        error_set(errp, "Unable to read %s: %s", path, err->message);
        return false;
    }
    if (n > SECRET_FILE_MAX) {
        explicit_bzero(text, n);
        error_set(errp, "Unable to read %s: it is too long for a secret", path);
        return false;
    }
    *bytes = (uint8_t *)g_steal_pointer(&text);
    *len = n;
    return true;
}

static bool secret_input(Secret *s, uint8_t **bytes, size_t *len, Error **errp)
{
    if (s->file && s->data) {
        error_set(errp, "'file' and 'data' are mutually exclusive");
        return false;
    }
    if (s->file) {
        return read_file(s->file, bytes, len, errp);
    }
    if (s->data == NULL) {
        error_set(errp, "Either 'file' or 'data' must be provided");
        return false;
    }
    *len = strlen(s->data);
    *bytes = g_memdup2(s->data, *len + 1);
    return true;
}

/* Remove PKCS #7 padding: N bytes of value N. */
static bool unpad(uint8_t *bytes, size_t *len, Error **errp)
{
    unsigned pad = bytes[*len - 1];

    if (pad == 0 || pad > CRYPTO_AES_BLOCK) {
        error_set(errp,
                  "Incorrect number of padding bytes (%u) found on decrypted "
                  "data",
                  pad);
        return false;
    }
    *len -= pad;
    bytes[*len] = 0;
    return true;
}

static bool decrypt_with(Secret *s, const uint8_t *key, size_t key_len,
                         const uint8_t *iv, size_t iv_len, Error **errp)
{
    if (key_len != CRYPTO_AES256_KEY) {
        error_set(errp, "Key should be %d bytes in length", CRYPTO_AES256_KEY);
        return false;
    }
    if (iv_len != CRYPTO_AES_BLOCK) {
        error_set(errp, "IV should be %d bytes in length not %zu",
                  CRYPTO_AES_BLOCK, iv_len);
        return false;
    }
    if (s->len == 0 || s->len % CRYPTO_AES_BLOCK != 0) {
        error_set(errp, "Length %zu must be a multiple of block size %d",
                  s->len, CRYPTO_AES_BLOCK);
        return false;
    }
    return crypto_aes256_cbc_decrypt(key, iv, s->bytes, s->len, errp) &&
           unpad(s->bytes, &s->len, errp);
}

static bool decrypt(Secret *s, Error **errp)
{
    uint8_t *key, *iv = NULL;
    size_t key_len, iv_len = 0;
    bool ok;

    key = secret_lookup(s->parent.parent, s->keyid, &key_len, errp);
    if (key == NULL) {
        return false;
    }
    if (s->iv == NULL) {
        error_set(errp, "IV is required to decrypt secret");
        ok = false;
    } else {
        ok = base64_decode(s->iv, strlen(s->iv), &iv, &iv_len, errp) &&
             decrypt_with(s, key, key_len, iv, iv_len, errp);
    }
    wipe(&key, key_len);
    wipe(&iv, iv_len);
    return ok;
}

static bool secret_complete(Object *obj, Error **errp)
{
    Secret *s = (Secret *)obj;

    if (!secret_input(s, &s->bytes, &s->len, errp)) {
        return false;
    }
    if (s->format == SECRET_BASE64) {
        uint8_t *text = g_steal_pointer(&s->bytes);
        size_t text_len = s->len;
        bool ok;

        s->len = 0;
        ok = base64_decode((char *)text, text_len, &s->bytes, &s->len, errp);
        wipe(&text, text_len);
        if (!ok) {
            return false;
        }
    }
    return s->keyid == NULL || decrypt(s, errp);
}

static void secret_finalize(Object *obj)
{
    Secret *s = (Secret *)obj;

    wipe(&s->bytes, s->len);
    if (s->data) {
        explicit_bzero(s->data, strlen(s->data));
    }
}

const UserCreatableType secret_type = {
    .name = "secret",
    .parent = TYPE(user_creatable_type),
    .description = "a password or key that other options name",
    .size = sizeof(Secret),
    .props = secret_props,
    .finalize = secret_finalize,
    .complete = secret_complete,
};

uint8_t *secret_lookup(Object *objects, const char *id, size_t *len,
                       Error **errp)
{
    Object *obj = object_child(objects, id);
    Secret *s = object_try_cast(obj, &secret_type);

    if (obj == NULL) {
        error_set(errp, "No secret with id '%s'", id);
        return NULL;
    }
    if (s == NULL || s->bytes == NULL) {
        error_set(errp, "Object with id '%s' is not a secret", id);
        return NULL;
    }
    *len = s->len;
    return g_memdup2(s->bytes, s->len + 1);
}

char *secret_lookup_text(Object *objects, const char *id, Error **errp)
{
    size_t len;
    uint8_t *bytes = secret_lookup(objects, id, &len, errp);

    if (bytes && !g_utf8_validate((char *)bytes, len, NULL)) {
        error_set(errp, "Data from secret %s is not valid UTF-8", id);
        wipe(&bytes, len);
    }
    return (char *)bytes;
}
