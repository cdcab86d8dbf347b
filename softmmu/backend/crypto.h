/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ciphers of gnutls, which is opened on first use (DECISIONS 3). */
#ifndef SOFTMMU_BACKEND_CRYPTO_H
#define SOFTMMU_BACKEND_CRYPTO_H

#include "tandem/base.h"

enum { CRYPTO_AES_BLOCK = 16, CRYPTO_AES256_KEY = 32 };

/* Decrypt @len bytes (whole blocks) in place. False: no gnutls, with the
 * name of what to install, or it refused. Main thread. */
bool crypto_aes256_cbc_decrypt(const uint8_t *key, const uint8_t *iv,
                               uint8_t *data, size_t len, Error **errp);

#endif
