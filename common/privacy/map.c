/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - see map.h. */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/map.h"
#include "common/xalloc.h"

#define MAC_LEN 32

struct entry {
	char placeholder[PRIVACY_PLACEHOLDER_MAX + 1];
	uint8_t mac[MAC_LEN];
	char *text; /* NULL: not put back */
	size_t n;
};

struct privacy_map {
	uint8_t key[PRIVACY_KEY_LEN];
	struct entry *entries;
	size_t n;
	size_t cap;
	uint32_t *slots; /* index + 1 by the HMAC's first bytes; 0: free */
	size_t mask;
	bool is_sealed;
};

struct privacy_map *
privacy_map_new(const uint8_t key[PRIVACY_KEY_LEN])
{
	struct privacy_map *m = xcalloc(1, sizeof(*m));

	memcpy(m->key, key, sizeof(m->key));
	return m;
}

static void
entry_clear(struct entry *e)
{
	if (e->text != NULL) {
		OPENSSL_cleanse(e->text, e->n);
		free(e->text);
	}
	OPENSSL_cleanse(e, sizeof(*e));
}

void
privacy_map_free(struct privacy_map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		entry_clear(&m->entries[i]);
	OPENSSL_cleanse(m->key, sizeof(m->key));
	free(m->entries);
	free(m->slots);
	free(m);
}

static uint32_t
first_bytes(const uint8_t *mac)
{
	return (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 |
	       (uint32_t)mac[2] << 8 | mac[3];
}

/* Half of the slots stay free. */
static void
reserve(struct privacy_map *m)
{
	size_t cap = m->cap > 0 ? 2 * m->cap : 16;
	struct entry *grown;

	if (m->n < m->cap)
		return;
	grown = xcalloc(cap, sizeof(*grown));
	if (m->n > 0)
		memcpy(grown, m->entries, m->n * sizeof(*grown));
	free(m->entries);
	free(m->slots);
	m->entries = grown;
	m->cap = cap;
	m->slots = xcalloc(2 * cap, sizeof(*m->slots));
	m->mask = 2 * cap - 1;
	for (size_t i = 0; i < m->n; i++) {
		size_t at = first_bytes(m->entries[i].mac) & m->mask;

		while (m->slots[at] != 0)
			at = (at + 1) & m->mask;
		m->slots[at] = (uint32_t)i + 1;
	}
}

/* Over the label too, so that one text has two placeholders where two
 * detectors with names of their own find it. */
static void
make_mac(const struct privacy_map *m, const char *label, const char *text,
    size_t n, uint8_t mac[MAC_LEN])
{
	unsigned len = MAC_LEN;
	size_t label_len = strlen(label) + 1;
	uint8_t *all = xmalloc(label_len + n);

	memcpy(all, label, label_len);
	memcpy(all + label_len, text, n);
	if (HMAC(EVP_sha256(), m->key, sizeof(m->key), all, label_len + n, mac,
		&len) == NULL)
		abort(); /* out of memory */
	OPENSSL_cleanse(all, label_len + n);
	free(all);
}

static struct entry *
find(struct privacy_map *m, const uint8_t mac[MAC_LEN], size_t *ret_slot,
    bool *is_taken)
{
	size_t at = first_bytes(mac) & m->mask;

	*is_taken = false;
	for (; m->slots[at] != 0; at = (at + 1) & m->mask) {
		struct entry *e = &m->entries[m->slots[at] - 1];

		if (memcmp(e->mac, mac, MAC_LEN) == 0)
			return e;
		if (first_bytes(e->mac) == first_bytes(mac))
			*is_taken = true;
	}
	*ret_slot = at;
	return NULL;
}

const char *
privacy_map_add(struct privacy_map *m, const char *label, const char *text,
    size_t n, bool restore)
{
	uint8_t mac[MAC_LEN];
	struct entry *e;
	bool is_taken;
	size_t slot = 0;

	assert(!m->is_sealed && strlen(label) <= PRIVACY_NAME_MAX);
	reserve(m);
	make_mac(m, label, text, n, mac);
	e = find(m, mac, &slot, &is_taken);
	if (e == NULL) {
		if (m->n >= PRIVACY_VALUES_MAX)
			return NULL;
		m->slots[slot] = (uint32_t)m->n + 1;
		e = &m->entries[m->n++];
		memcpy(e->mac, mac, MAC_LEN);
		/* Two texts whose 32 bits are the same differ in the next. */
		(void)snprintf(e->placeholder, sizeof(e->placeholder),
		    is_taken ? "[%s_%08X%08X]" : "[%s_%08X]", label,
		    first_bytes(mac), first_bytes(mac + 4));
	}
	if (restore && e->text == NULL) {
		e->text = xmemdup(text, n);
		e->n = n;
	}
	return e->placeholder;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->placeholder,
	    ((const struct entry *)b)->placeholder);
}

bool
privacy_map_seal(struct privacy_map *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (m->entries[i].text == NULL)
			continue;
		if (i != n) {
			m->entries[n] = m->entries[i];
			m->entries[i].text = NULL;
		}
		n++;
	}
	for (size_t i = n; i < m->n; i++)
		entry_clear(&m->entries[i]);
	m->n = n;
	m->is_sealed = true;
	if (n > 0)
		qsort(m->entries, n, sizeof(*m->entries), compare);
	return n > 0;
}

enum privacy_match
privacy_map_match(const struct privacy_map *m, const char *from, size_t n,
    size_t *len, const char **text, size_t *text_len)
{
	size_t low = 0, high = m->n;

	assert(m->is_sealed);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *e = &m->entries[middle];
		size_t all = strlen(e->placeholder);
		int order = memcmp(from, e->placeholder, n < all ? n : all);

		if (order == 0) {
			if (n < all)
				return PRIVACY_PART;
			*len = all;
			*text = e->text;
			*text_len = e->n;
			return PRIVACY_WHOLE;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return PRIVACY_NO_MATCH;
}
