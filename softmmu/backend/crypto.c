/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <dlfcn.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "softmmu/backend/crypto.h"

/* What we call, by gnutls's own prototypes. */
typedef struct Gnutls {
    __typeof__(gnutls_cipher_init) *init;
    __typeof__(gnutls_cipher_decrypt) *decrypt;
    __typeof__(gnutls_cipher_deinit) *deinit;
    __typeof__(gnutls_strerror) *error;
} Gnutls;

/* The library stays open: dlopen counts, and it is the process's. */
static bool gnutls_open(Gnutls *g, Error **errp)
{
    void *lib = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);

    if (lib == NULL) {
        error_set(errp, "decryption needs gnutls: %s", dlerror());
        error_hint(errp, "install the package libgnutls30");
        return false;
    }
    *(void **)&g->init = dlsym(lib, "gnutls_cipher_init");
    *(void **)&g->decrypt = dlsym(lib, "gnutls_cipher_decrypt");
    *(void **)&g->deinit = dlsym(lib, "gnutls_cipher_deinit");
    *(void **)&g->error = dlsym(lib, "gnutls_strerror");
    if (!g->init || !g->decrypt || !g->deinit || !g->error) {
        error_set(errp, "decryption needs another version of gnutls");
        return false;
    }
    return true;
}

bool crypto_aes256_cbc_decrypt(const uint8_t *key, const uint8_t *iv,
                               uint8_t *data, size_t len, Error **errp)
{
    gnutls_datum_t k = { (uint8_t *)key, CRYPTO_AES256_KEY };
    gnutls_datum_t v = { (uint8_t *)iv, CRYPTO_AES_BLOCK };
    gnutls_cipher_hd_t cipher;
    Gnutls g;
    int err;

    if (!gnutls_open(&g, errp)) {
        return false;
    }
    err = g.init(&cipher, GNUTLS_CIPHER_AES_256_CBC, &k, &v);
    if (err == 0) {
        err = g.decrypt(cipher, data, len);
        g.deinit(cipher);
    }
    if (err != 0) {
        error_set(errp, "cannot decrypt the secret: %s", g.error(err));
    }
    return err == 0;
}
