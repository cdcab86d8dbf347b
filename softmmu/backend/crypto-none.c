/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For builds without gnutls. */
#include "softmmu/backend/crypto.h"

bool crypto_aes256_cbc_decrypt(const uint8_t *key, const uint8_t *iv,
                               uint8_t *data, size_t len, Error **errp)
{
    error_set(errp, "encrypted secrets need gnutls, which this build is "
                    "without");
    return false;
}
