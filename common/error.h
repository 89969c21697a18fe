/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - an error of the world, carried in the caller's frame.
 *
 * A function that can fail because of a peer, a file, the kernel or an
 * operator takes a struct error as its last argument, fills it and returns
 * -1.  Nothing in it needs freeing.  The text is for people: lower case, no
 * full stop, what failed first, the object in single quotes.  Each layer adds
 * context with error_prefix() or adds nothing; only the function that ends
 * the story logs it.
 *
 * Memory that runs out and programming errors are not reported this way: see
 * xalloc.h and assert(3).
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

/* A closed set: error_name() is what travels on the wire. */
enum error_code {
	ERR_NONE,
	ERR_INVALID,      /* the caller's input is wrong */
	ERR_NOT_FOUND,    /* the named object is not there for this caller */
	ERR_EXISTS,       /* the name is taken */
	ERR_PRECONDITION, /* the object is in the wrong state for this */
	ERR_LIMIT,        /* a named limit is exceeded */
	ERR_DENIED,       /* the caller may not do this */
	ERR_UNAVAILABLE,  /* a daemon, peer or kernel feature is not there */
	ERR_TIMEOUT,      /* it took too long */
	ERR_PROTOCOL,     /* a peer broke the protocol */
	ERR_SYSTEM,       /* a system call failed; text has strerror */
	ERROR_MAX_
};

#define ERROR_TEXT_MAX 240

struct error {
	enum error_code code;
	char text[ERROR_TEXT_MAX];
};

/* All three return -1, so that a caller can write `return error_set(...)`. */
int error_set(struct error *, enum error_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* ERR_SYSTEM with ": " and strerror(errno) appended; errno is kept. */
int error_errno(struct error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts "prefix: " before the text; the code stays. */
int error_prefix(struct error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* So that compilers and analyzers, which see one file at a time, know it. */
#define error_set(...)                                                         \
	__extension__({                                                        \
		(void)error_set(__VA_ARGS__);                                  \
		-1;                                                            \
	})
#define error_errno(...)                                                       \
	__extension__({                                                        \
		(void)error_errno(__VA_ARGS__);                                \
		-1;                                                            \
	})
#define error_prefix(...)                                                      \
	__extension__({                                                        \
		(void)error_prefix(__VA_ARGS__);                               \
		-1;                                                            \
	})

/* The wire's name of a code ("NotFound"), and back; ERR_SYSTEM if unknown. */
const char *error_name(enum error_code);
enum error_code error_code_from_name(const char *name);

#endif
