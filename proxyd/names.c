/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - see names.h.
 *
 * A slot is complete before `used` says so, and never changes after: readers
 * in other processes need no lock.  The writer finds names by a hash index of
 * its own, made from the slots when it maps them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/wire/names.h"
#include "common/xalloc.h"
#include "proxyd/names.h"

#define INDEX_SIZE (NAMES_SLOTS * 2) /* a power of two */
#define SYNTHETIC_NET 0xc6120000u    /* 198.18.0.0 */
#define SYNTHETIC_MASK 0xfffe0000u

struct name_map {
	struct names *shared;
	uint16_t *index; /* slot + 1; NULL: read-only */
};

static uint32_t
hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

/* Where the name is in the index, or would be. */
static uint16_t *
index_place(const struct name_map *m, const char *name)
{
	uint32_t i = hash(name) & (INDEX_SIZE - 1);

	while (m->index[i] != 0 && strncmp(m->shared->name[m->index[i] - 1],
				       name, NAMES_NAME_MAX) != 0)
		i = (i + 1) & (INDEX_SIZE - 1);
	return &m->index[i];
}

static uint32_t
slots_used(const struct name_map *m)
{
	uint32_t n =
	    atomic_load_explicit(&m->shared->used, memory_order_acquire);

	return n <= NAMES_SLOTS ? n : NAMES_SLOTS;
}

static bool
is_text(const char name[NAMES_NAME_MAX])
{
	return name[0] != '\0' && memchr(name, '\0', NAMES_NAME_MAX) != NULL;
}

static void
make_index(struct name_map *m)
{
	m->index = xcalloc(INDEX_SIZE, sizeof(*m->index));
	for (uint32_t i = 0; i < slots_used(m); i++)
		if (is_text(m->shared->name[i]))
			*index_place(m, m->shared->name[i]) = (uint16_t)(i + 1);
}

int
name_map_open(int fd, bool writable, struct name_map **ret, struct error *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	struct name_map *m;
	void *at;

	/* A file that could shrink would kill us with SIGBUS. */
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return error_set(e, ERR_INVALID,
		    "the names aren't sealed against shrinking");
	if (fstat(fd, &st) < 0 || (size_t)st.st_size < NAMES_SIZE)
		return error_set(e, ERR_INVALID, "the names are too small");
	at = mmap(NULL, NAMES_SIZE, PROT_READ | (writable ? PROT_WRITE : 0),
	    MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return error_errno(e, "cannot map the names");

	m = xcalloc(1, sizeof(*m));
	m->shared = at;
	if (writable)
		make_index(m);
	*ret = m;
	return 0;
}

void
name_map_free(struct name_map *m)
{
	if (m == NULL)
		return;
	(void)munmap(m->shared, NAMES_SIZE);
	free(m->index);
	free(m);
}

int
name_map_address(
    struct name_map *m, const char *name, uint32_t *ret, struct error *e)
{
	uint16_t *place = index_place(m, name);
	uint32_t slot = slots_used(m);

	if (*place == 0) {
		if (slot == NAMES_SLOTS)
			return error_set(e, ERR_LIMIT, "no address is left");
		if (name[0] == '\0' || strlen(name) >= NAMES_NAME_MAX)
			return error_set(e, ERR_INVALID, "not a name");
		memcpy(m->shared->name[slot], name, strlen(name) + 1);
		*place = (uint16_t)(slot + 1);
		atomic_store_explicit(
		    &m->shared->used, slot + 1, memory_order_release);
	}
	*ret = NAMES_FIRST + *place - 1;
	return 0;
}

const char *
name_map_name(const struct name_map *m, uint32_t address)
{
	uint32_t slot = address - NAMES_FIRST;

	if (address < NAMES_FIRST || slot >= slots_used(m) ||
	    !is_text(m->shared->name[slot]))
		return NULL;
	return m->shared->name[slot];
}

bool
name_is_synthetic(uint32_t address)
{
	return (address & SYNTHETIC_MASK) == SYNTHETIC_NET;
}
