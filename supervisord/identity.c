/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - see identity.h. */
/* The plain functions: EVP's would be 3 MiB of every sandbox. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/wire/owner.h"
#include "common/xalloc.h"
#include "supervisord/identity.h"

#define FILES_MAX 512  /* remembered hashes; the oldest is hashed again */
#define PATHS_MAX 8192 /* remembered first hashes; more are changed files */
#define CHAINS 256
#define DEPTH_MAX 64 /* parents looked at */
#define READ_BYTES 262144
#define HASH_BYTES 32

static const char *const loaders[] = { "ld-linux*.so*", "ld-[0-9]*.so*",
	"ld.so*", "ld-musl-*.so*", "ld64.so*" };
static const char deleted[] = " (deleted)";

/* A file as it was when it was hashed. */
struct file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed; /* ctime: nobody can set it back */
	uint8_t hash[HASH_BYTES];
};

struct first_use {
	LIST_ENTRY(first_use) chain;
	char *path;
	uint8_t hash[HASH_BYTES];
};

struct identities {
	int proc;
	struct file files[FILES_MAX];
	size_t n_files;
	size_t oldest;
	LIST_HEAD(chain, first_use) first[CHAINS]; /* by path */
	size_t n_first;
};

struct identities *
identities_new(int proc)
{
	struct identities *all = xcalloc(1, sizeof(*all));

	all->proc = proc;
	return all;
}

void
identities_free(struct identities *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < CHAINS; i++) {
		struct first_use *f;

		while ((f = LIST_FIRST(&all->first[i])) != NULL) {
			LIST_REMOVE(f, chain);
			free(f->path);
			free(f);
		}
	}
	free(all);
}

bool
identity_is_loader(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		if (fnmatch(loaders[i], name, 0) == 0)
			return true;
	return false;
}

static bool
is_nobody(const char *path, size_t n)
{
	const size_t tail = sizeof(deleted) - 1;

	return path[0] != '/' || strncmp(path, "/memfd:", 7) == 0 ||
	       (n >= tail && strcmp(path + n - tail, deleted) == 0) ||
	       identity_is_loader(path);
}

/* "" for nobody; -1 and errno if the process can't be looked at. */
static int
read_exe(int proc, pid_t pid, char path[OWNER_PATH_MAX])
{
	char name[32];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	n = readlinkat(proc, name, path, OWNER_PATH_MAX);
	if (n < 0)
		return -1;
	if (n == OWNER_PATH_MAX)
		n = 0;
	path[n] = '\0';
	if (is_nobody(path, (size_t)n))
		path[0] = '\0';
	return 0;
}

static int
hash_file(int fd, uint8_t hash[HASH_BYTES])
{
	autofree uint8_t *bytes = xmalloc(READ_BYTES);
	SHA256_CTX ctx;
	ssize_t n;

	(void)SHA256_Init(&ctx);
	while ((n = read(fd, bytes, READ_BYTES)) > 0)
		(void)SHA256_Update(&ctx, bytes, (size_t)n);
	(void)SHA256_Final(hash, &ctx);
	return n < 0 ? -1 : 0;
}

static bool
is_same(const struct file *f, const struct stat *st)
{
	return f->ino == st->st_ino && f->dev == st->st_dev &&
	       f->size == st->st_size &&
	       f->changed.tv_sec == st->st_ctim.tv_sec &&
	       f->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static struct file *
remember_file(struct identities *all, const struct stat *st)
{
	struct file *f;

	if (all->n_files < FILES_MAX) {
		f = &all->files[all->n_files++];
	} else {
		f = &all->files[all->oldest];
		all->oldest = (all->oldest + 1) % FILES_MAX;
	}
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = st->st_size;
	f->changed = st->st_ctim;
	return f;
}

/* The hash of the very file that the process runs, whatever has its path by
 * now. */
static const uint8_t *
hash_of(struct identities *all, pid_t pid)
{
	char name[32];
	uint8_t hash[HASH_BYTES];
	autoclose int fd = -1;
	struct stat before, after;
	struct file *f;

	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	if (fstatat(all->proc, name, &before, 0) < 0)
		return NULL;
	for (size_t i = 0; i < all->n_files; i++)
		if (is_same(&all->files[i], &before))
			return all->files[i].hash;
	fd = openat(all->proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &before) < 0 || hash_file(fd, hash) < 0 ||
	    fstat(fd, &after) < 0)
		return NULL;
	f = remember_file(all, &before);
	/* A file that changed meanwhile has no hash that means anything. */
	if (!is_same(f, &after)) {
		f->ino = 0;
		errno = EAGAIN;
		return NULL;
	}
	memcpy(f->hash, hash, sizeof(hash));
	return f->hash;
}

static struct chain *
chain_of(struct identities *all, const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return &all->first[h % CHAINS];
}

/* Trust on first use: is it what that path was when it was first seen?
 * Nothing is ever forgotten, or flooding us would make a changed file new. */
static bool
is_first(struct identities *all, const char *path, const uint8_t *hash)
{
	struct chain *chain = chain_of(all, path);
	struct first_use *first;

	LIST_FOREACH(first, chain, chain)
	if (strcmp(first->path, path) == 0)
		return memcmp(first->hash, hash, HASH_BYTES) == 0;
	if (all->n_first == PATHS_MAX)
		return false;
	first = xcalloc(1, sizeof(*first));
	first->path = xstrdup(path);
	memcpy(first->hash, hash, HASH_BYTES);
	LIST_INSERT_HEAD(chain, first, chain);
	all->n_first++;
	return true;
}

pid_t
identity_parse_parent(const char *stat)
{
	const char *end = strrchr(stat, ')');
	int parent;

	if (end == NULL || sscanf(end + 1, " %*c %9d", &parent) != 1)
		return 0;
	return parent;
}

static pid_t
parent_of(int proc, pid_t pid)
{
	char name[32], text[512];
	autoclose int fd = -1;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return identity_parse_parent(text);
}

struct answer {
	struct owner_reply head;
	char paths[(OWNER_ANCESTORS_MAX + 1) * OWNER_PATH_MAX];
};

static void
add_path(struct answer *a, const char *path)
{
	size_t n = strlen(path) + 1;

	memcpy(a->paths + a->head.bytes, path, n);
	a->head.bytes += (uint32_t)n;
}

/*
 * Nearest first; nobodies are left out.  A parent that ends has its children
 * taken from it, and its number may be another program's by the time we read
 * what it runs: it counts if it is still the parent afterwards.
 */
static void
add_ancestors(const struct identities *all, pid_t pid, struct answer *a)
{
	char path[OWNER_PATH_MAX + 1];

	for (int depth = 0;
	     depth < DEPTH_MAX && a->head.ancestors < OWNER_ANCESTORS_MAX;
	     depth++) {
		pid_t parent = parent_of(all->proc, pid);

		/* The first process is nobody's program. */
		if (parent <= 1 || read_exe(all->proc, parent, path) < 0 ||
		    parent_of(all->proc, pid) != parent)
			return;
		if (path[0] != '\0') {
			add_path(a, path);
			a->head.ancestors++;
		}
		pid = parent;
	}
}

void *
identity_take(struct identities *all, pid_t tid, size_t *ret_n)
{
	char path[OWNER_PATH_MAX + 1];
	struct answer a = { .head = { .status = OWNER_KNOWN, .pid = tid } };
	const uint8_t *hash;

	if (read_exe(all->proc, tid, path) < 0)
		return NULL;
	if (path[0] != '\0') {
		hash = hash_of(all, tid);
		if (hash == NULL)
			return NULL;
		memcpy(a.head.sha256, hash, HASH_BYTES);
		if (!is_first(all, path, hash))
			a.head.status = OWNER_CHANGED;
	}
	add_path(&a, path);
	add_ancestors(all, tid, &a);
	*ret_n = sizeof(a.head) + a.head.bytes;
	return xmemdup(&a, *ret_n);
}
