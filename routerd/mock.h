/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock.h - answers of a route whose endpoint is mock://anything: shaped as the
 * protocol's, and always the same.  For trying things out without a model.
 */
#ifndef ROUTERD_MOCK_H
#define ROUTERD_MOCK_H

#include <stdbool.h>

#include "routerd/api.h"

#define MOCK_HEADER "x-openshell-mock"

/* The body; *type is its content type.  model goes into it. */
struct buf;
void mock_answer(enum protocol, bool stream, const char *model, struct buf *ret,
    const char **type);

#endif
