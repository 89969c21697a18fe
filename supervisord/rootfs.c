/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.c - see rootfs.h.
 *
 * Every source is opened before the first mount hides it; what is a symlink on
 * the host is made one again, and leads wherever that is inside.  Targets are
 * created on our own tmpfs, so that no link of the host can move them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/idmap.h"
#include "supervisord/kernel.h"
#include "supervisord/plan.h"
#include "supervisord/rootfs.h"

#define STAGE                                                                  \
	"/tmp" /* every host has it; ours is on top of it, for us alone        \
		*/
#define ENTRIES_MAX 512

/* Of the sandbox's memory, or of the host's where that has no limit: together
 * they can't take more than all of the first. */
static const struct {
	const char *path;
	unsigned divisor;
} temporary[] = {
	{ "/tmp", 2 },
	{ "/var/tmp", 4 },
	{ "/dev/shm", 4 },
};
#define TMP_INODES 1048576

/* Of /etc what programs need to run and nobody needs to hide. */
static const char *const settings[] = { "/etc/alternatives", "/etc/bash.bashrc",
	"/etc/ca-certificates", "/etc/ca-certificates.conf",
	"/etc/crypto-policies", "/etc/debian_version", "/etc/default/locale",
	"/etc/fonts", "/etc/gai.conf", "/etc/host.conf", "/etc/inputrc",
	"/etc/java-17-openjdk", "/etc/java-21-openjdk", "/etc/ld.so.cache",
	"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/locale.alias",
	"/etc/locale.conf", "/etc/localtime", "/etc/lsb-release", "/etc/magic",
	"/etc/magic.mime", "/etc/mime.types", "/etc/nanorc", "/etc/networks",
	"/etc/os-release", "/etc/perl", "/etc/pki/ca-trust",
	"/etc/pki/tls/certs", "/etc/profile.d", "/etc/protocols",
	"/etc/python3", "/etc/python3.11", "/etc/python3.12", "/etc/python3.13",
	"/etc/rpc", "/etc/services", "/etc/shells", "/etc/skel",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/terminfo",
	"/etc/timezone", "/etc/vim", "/etc/xattr.conf", NULL };

static const struct {
	const char *path;
	mode_t mode;
} directories[] = {
	{ "/dev", 0755 },
	{ "/dev/pts", 0755 },
	{ "/dev/shm", 0755 },
	{ "/etc", 0755 },
	{ "/etc/openshell-tls", 0755 },
	{ "/home", 0755 },
	{ "/proc", 0555 },
	/* Root's own command may be shown below it; nothing else is there. */
	{ "/root", 0711 },
	{ "/run", 0755 },
	{ "/sandbox", 0755 },
	{ "/sys", 0555 },
	{ "/tmp", 0755 },
	{ "/var", 0755 },
	{ "/var/lib", 0755 },
	{ "/var/log", 0755 },
	{ "/var/tmp", 0755 },
};

static const struct {
	const char *path;
	unsigned major;
	unsigned minor;
} devices[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

static const struct {
	const char *path;
	const char *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
	{ "/dev/core", "/proc/kcore" },
	{ "/etc/mtab", "/proc/self/mounts" },
	{ "/var/run", "/run" },
};

/* Of /proc what tells of the host's kernel or could change it. */
static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/bus",
	"/proc/driver", "/proc/fs", "/proc/interrupts", "/proc/irq",
	"/proc/kallsyms", "/proc/kcore", "/proc/key-users", "/proc/keys",
	"/proc/kmsg", "/proc/kpagecgroup", "/proc/kpagecount",
	"/proc/kpageflags", "/proc/latency_stats", "/proc/modules",
	"/proc/mtrr", "/proc/sched_debug", "/proc/schedstat", "/proc/scsi",
	"/proc/slabinfo", "/proc/sysrq-trigger", "/proc/timer_list",
	"/proc/vmallocinfo", "/proc/dynamic_debug", NULL };

static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", NULL };

/* One thing of the host, opened before the root is ours. */
struct entry {
	const char *target; /* borrowed */
	int tree;           /* a detached mount; -1: a symlink */
	bool is_dir;
	bool writable;
	char link[PATH_MAX];
};

struct view {
	struct entry *entries;
	size_t n;
	int bundle; /* the host's CA bundle, or -1 */
	int root;   /* our tmpfs */
};

static void
view_clear(struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->entries[i].tree >= 0)
			(void)close(v->entries[i].tree);
	free(v->entries);
	if (v->bundle >= 0)
		(void)close(v->bundle);
	if (v->root >= 0)
		(void)close(v->root);
}

static int
open_source(int at, const char *source, bool writable, struct entry *ret,
    struct error *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    (writable ? 0 : MOUNT_ATTR_RDONLY),
	};
	struct stat st;

	ret->tree = sys_open_tree(at, at == AT_FDCWD ? source : "",
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	if (ret->tree < 0 || fstat(ret->tree, &st) < 0)
		return error_errno(e, "cannot show '%s'", source);
	ret->is_dir = S_ISDIR(st.st_mode);
	ret->writable = writable;
	/* Recursive: a mount below it is no way to write. */
	if (sys_mount_setattr(
		ret->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return error_errno(e, "cannot restrict '%s'", source);
	return 0;
}

static int
open_link(int at, const char *name, struct entry *ret, struct error *e)
{
	ssize_t n = readlinkat(at, name, ret->link, sizeof(ret->link) - 1);

	if (n < 0)
		return error_errno(e, "cannot read the link '%s'", name);
	ret->link[n] = '\0';
	ret->tree = -1;
	return 0;
}

/* What isn't there on the host isn't there inside. */
static int
add_host_path(struct view *v, const char *path, struct error *e)
{
	struct entry *entry = &v->entries[v->n];
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return 0;
	entry->target = path;
	r = S_ISLNK(st.st_mode) ? open_link(AT_FDCWD, path, entry, e)
				: open_source(AT_FDCWD, path, false, entry, e);
	v->n += r == 0;
	return r;
}

static int
add_list(struct view *v, const char *const *paths, struct error *e)
{
	for (; *paths != NULL; paths++)
		if (add_host_path(v, *paths, e) < 0)
			return -1;
	return 0;
}

/* Where the plan has its n-th bind; the home is one too. */
static struct supervisor_bind
bind_of(const struct plan *plan, size_t n)
{
	const struct supervisor_bind *b = plan->spec->binds.v;

	if (n == 0)
		return (struct supervisor_bind){ plan->spec->home, AGENT_HOME,
			true };
	return b[n - 1];
}

int
rootfs_reach(const struct plan *plan, struct reached *r, struct error *e)
{
	r->n = plan->spec->binds.n + 1;
	r->fds = xcalloc(r->n, sizeof(*r->fds));
	for (size_t i = 0; i < r->n; i++) {
		const char *source = bind_of(plan, i).source;

		r->fds[i] = open(source, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (r->fds[i] < 0)
			return error_errno(e, "cannot open '%s'", source);
	}
	return 0;
}

static int
add_bind(
    struct view *v, const struct supervisor_bind *b, int at, struct error *e)
{
	struct entry *entry = &v->entries[v->n];
	struct stat st;
	int r;

	if (fstat(at, &st) < 0)
		return error_errno(e, "cannot see '%s'", b->source);
	entry->target = b->target;
	r = S_ISLNK(st.st_mode)
		? open_link(at, "", entry, e)
		: open_source(at, b->source, b->writable, entry, e);
	v->n += r == 0;
	return r;
}

static int
add_binds(
    struct view *v, const struct plan *plan, struct reached *r, struct error *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct supervisor_bind b = bind_of(plan, i);

		if (add_bind(v, &b, r->fds[i], e) < 0)
			return -1;
		(void)close(r->fds[i]);
	}
	free(r->fds);
	return 0;
}

static int
open_devices(struct view *v, struct error *e)
{
	/* The inodes are the host's: their modes and times stay as they are.
	 * A device can be written on a read-only mount. */
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NOEXEC |
					       MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		struct entry *entry = &v->entries[v->n];
		struct stat st;

		entry->target = devices[i].path;
		entry->is_dir = false;
		entry->tree = sys_open_tree(AT_FDCWD, devices[i].path,
		    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (entry->tree < 0 || fstat(entry->tree, &st) < 0)
			return error_errno(
			    e, "cannot show '%s'", devices[i].path);
		v->n++;
		/* The path alone says nothing. */
		if (!S_ISCHR(st.st_mode) ||
		    st.st_rdev != makedev(devices[i].major, devices[i].minor))
			return error_set(e, ERR_SYSTEM,
			    "'%s' is not the device that it should be",
			    devices[i].path);
		if (sys_mount_setattr(entry->tree, "", AT_EMPTY_PATH, &attr) <
		    0)
			return error_errno(
			    e, "cannot restrict '%s'", devices[i].path);
	}
	return 0;
}

static int
open_view(
    struct view *v, const struct plan *plan, struct reached *r, struct error *e)
{
	v->entries = xcalloc(ENTRIES_MAX, sizeof(*v->entries));
	for (const char *const *p = bundles; v->bundle < 0 && *p != NULL; p++)
		v->bundle = open(*p, O_RDONLY | O_CLOEXEC);
	if (add_list(v, supervisor_programs, e) < 0 ||
	    add_list(v, settings, e) < 0 || open_devices(v, e) < 0)
		return -1;
	return add_binds(v, plan, r, e);
}

/* The directory that a path is in, made where it is missing.  No link on the
 * way is followed: an agent may have planted one in its home. */
static int
open_parent(int root, const char *path, const char **ret_name, struct error *e)
{
	autoclose int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
	const char *slash;

	for (path++; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		char name[NAME_MAX + 1];
		int next;

		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)(slash - path), path);
		if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
			return error_errno(e, "cannot make '%s'", name);
		next = openat(
		    dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return error_errno(e, "cannot enter '%s'", name);
		(void)close(dir);
		dir = next;
	}
	*ret_name = path;
	return steal_fd(&dir);
}

static int
place_entry(int root, const struct entry *entry, struct error *e)
{
	const char *name;
	autoclose int dir = open_parent(root, entry->target, &name, e);
	autoclose int at = -1;
	int r;

	if (dir < 0)
		return error_prefix(e, "'%s'", entry->target);
	if (entry->tree < 0)
		r = symlinkat(entry->link, dir, name);
	else if (entry->is_dir)
		r = mkdirat(dir, name, 0755);
	else
		r = mknodat(dir, name, S_IFREG | 0644, 0);
	if (r < 0 && (entry->tree < 0 || errno != EEXIST))
		return error_errno(e, "cannot make '%s'", entry->target);
	if (entry->tree < 0)
		return 0;
	at = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 ||
	    sys_move_mount(entry->tree, "", at, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_errno(e, "cannot mount '%s'", entry->target);
	return 0;
}

static int
place_entries(const struct view *v, struct error *e)
{
	for (size_t i = 0; i < v->n; i++)
		if (place_entry(v->root, &v->entries[i], e) < 0)
			return -1;
	return 0;
}

static int
write_text(int root, const char *path, const char *text, struct error *e)
{
	autoclose int fd = openat(root, path + 1,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_errno(e, "cannot write '%s'", path);
	return 0;
}

/* The host's authorities and the sandbox's own. */
static int
write_bundle(const struct view *v, const char *ca, struct error *e)
{
	autoclose int fd = openat(v->root, &CA_BUNDLE_FILE[1],
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(e, "cannot make '" CA_BUNDLE_FILE "'");
	while (v->bundle >= 0) {
		ssize_t n = sendfile(fd, v->bundle, NULL, 1 << 20);

		if (n < 0)
			return error_errno(e, "cannot copy the CA bundle");
		if (n == 0)
			break;
	}
	if (write(fd, "\n", 1) < 0 || write(fd, ca, strlen(ca)) < 0)
		return error_errno(e, "cannot write '" CA_BUNDLE_FILE "'");
	return 0;
}

static int
write_files(const struct view *v, const struct plan *plan, struct error *e)
{
	const char *name = plan->spec->name;
	autofree char *hosts = xasprintf("127.0.0.1\tlocalhost\n"
					 "::1\tlocalhost ip6-localhost\n"
					 "127.0.0.1\t%s\n",
	    name);
	autofree char *hostname = xasprintf("%s\n", name);
	const struct {
		const char *path;
		const char *text;
	} files[] = {
		{ "/etc/passwd",
		    "root:x:0:0:root:/root:/usr/sbin/nologin\n"
		    "sandbox:x:1000:1000:sandbox:/sandbox:/bin/bash\n"
		    "nobody:x:65534:65534:nobody:/nonexistent:"
		    "/usr/sbin/nologin\n" },
		{ "/etc/group", "root:x:0:\nsandbox:x:1000:\n"
				"nogroup:x:65534:\n" },
		{ "/etc/hosts", hosts },
		{ "/etc/hostname", hostname },
		{ "/etc/resolv.conf", "nameserver 127.0.0.1\n" },
		/* The host's sets PATH, which is the sandbox's to say. */
		{ "/etc/profile",
		    "for f in /etc/profile.d/*.sh; do\n"
		    "\t[ -r \"$f\" ] && . \"$f\"\n"
		    "done\n"
		    "unset f\n"
		    "[ -n \"$BASH\" ] && [ -r /etc/bash.bashrc ] &&\n"
		    "\t. /etc/bash.bashrc || :\n" },
		{ "/etc/nsswitch.conf", "passwd: files\ngroup: files\n"
					"hosts: files dns\n"
					"services: files\nprotocols: files\n" },
		{ CA_FILE, plan->spec->ca_pem },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (write_text(v->root, files[i].path, files[i].text, e) < 0)
			return -1;
	return write_bundle(v, plan->spec->ca_pem, e);
}

static int
mount_at(const char *type, const char *path, unsigned long flags,
    const char *options, struct error *e)
{
	autofree char *target = xasprintf(STAGE "%s", path);

	if (mount(type, target, type, flags, options) < 0)
		return error_errno(e, "cannot mount %s on '%s'", type, path);
	return 0;
}

static int
mount_temporary(int64_t memory_max, struct error *e)
{
	for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++) {
		char options[96], size[32];

		if (memory_max > 0)
			(void)snprintf(size, sizeof(size), "%lld",
			    (long long)memory_max / temporary[i].divisor);
		else
			(void)snprintf(size, sizeof(size), "%u%%",
			    50 / temporary[i].divisor);
		(void)snprintf(options, sizeof(options),
		    "mode=1777,size=%s,nr_inodes=%d", size, TMP_INODES);
		if (mount_at("tmpfs", temporary[i].path, MS_NOSUID | MS_NODEV,
			options, e) < 0)
			return -1;
	}
	return 0;
}

static int
mount_new(const struct plan *plan, struct error *e)
{
	if (mount_at(
		"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, e) < 0)
		return error_prefix(
		    e, "is /proc masked here, as in a container?");
	if (mount_temporary(plan->spec->memory_max, e) < 0)
		return -1;
	/* No gid: that of tty isn't mapped everywhere. */
	return mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
	    "newinstance,ptmxmode=0666,mode=0620", e);
}

static int
make_skeleton(struct view *v, struct error *e)
{
	/* From here on /tmp is ours, for this mount namespace alone. */
	if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755,size=16m") < 0)
		return error_errno(e, "cannot mount the root");
	v->root = open(STAGE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->root < 0)
		return error_errno(e, "cannot open the root");
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]);
	     i++)
		if (mkdirat(v->root, directories[i].path + 1,
			directories[i].mode) < 0)
			return error_errno(
			    e, "cannot make '%s'", directories[i].path);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i].target, v->root, links[i].path + 1) < 0)
			return error_errno(
			    e, "cannot make '%s'", links[i].path);
	return 0;
}

/* An empty file or directory in place of it, read-only. */
static int
mask(const char *path, struct error *e)
{
	struct stat st;
	const char *cover;

	if (lstat(path, &st) < 0)
		return 0;
	cover = S_ISDIR(st.st_mode) ? "/sys" : "/dev/null";
	if (mount(cover, path, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, path, NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC |
		    (S_ISDIR(st.st_mode) ? MS_NODEV : 0),
		NULL) < 0)
		return error_errno(e, "cannot hide '%s'", path);
	return 0;
}

/* After the pivot: paths are the sandbox's. */
static int
protect_proc(struct error *e)
{
	for (const char *const *p = masked; *p != NULL; p++)
		if (mask(*p, e) < 0)
			return -1;
	if (mount("/proc/sys", "/proc/sys", NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount(NULL, "/proc/sys", NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV |
		    MS_NOEXEC,
		NULL) < 0)
		return error_errno(e, "cannot protect '/proc/sys'");
	return 0;
}

static int
pivot(struct view *v, struct error *e)
{
	if (fchdir(v->root) < 0 || sys_pivot_root(".", ".") < 0)
		return error_errno(e, "cannot pivot");
	/* The old root lies on top of ours. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_errno(e, "cannot leave the host's root");
	return 0;
}

static int
seal_root(struct error *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (sys_mount_setattr(AT_FDCWD, "/", 0, &attr) < 0)
		return error_errno(e, "cannot seal the root");
	return 0;
}

/* The home came with the owner that it has outside. */
static int
give_home(const struct idmap *map, struct error *e)
{
	struct stat st;

	if (stat(AGENT_HOME, &st) < 0)
		return error_errno(e, "cannot see '" AGENT_HOME "'");
	if (st.st_uid == AGENT_ID)
		return 0;
	if (!idmap_has_own_agent(map))
		return error_set(e, ERR_PRECONDITION,
		    "the home belongs to a user of /etc/subuid, whom newuidmap "
		    "does not give us now");
	if (chown(AGENT_HOME, AGENT_ID, AGENT_ID) < 0)
		return error_errno(
		    e, "cannot give '" AGENT_HOME "' to the agent");
	return 0;
}

int
rootfs_build(const struct plan *plan, const struct idmap *map,
    struct reached *reached, struct facts *facts, struct error *e)
{
	_cleanup_(view_clear) struct view v = { .bundle = -1, .root = -1 };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_errno(e, "cannot part from the host's mounts");
	if (open_view(&v, plan, reached, e) < 0 || make_skeleton(&v, e) < 0 ||
	    place_entries(&v, e) < 0 || write_files(&v, plan, e) < 0 ||
	    mount_new(plan, e) < 0 || pivot(&v, e) < 0 || give_home(map, e) < 0)
		return -1;
	facts_add(
	    facts, 1, "files", "built: %zu paths of the host, read-only", v.n);
	return 0;
}

int
rootfs_seal(struct error *e)
{
	return protect_proc(e) < 0 || seal_root(e) < 0 ? -1 : 0;
}
