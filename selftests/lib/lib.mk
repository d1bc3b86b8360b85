# SPDX-License-Identifier: GPL-2.0-only
#
# How to build with this library. Needs $(KSRC) and $(OUTPUT), see ../Makefile.
# Offers $(LIB_OBJECTS), $(CFLAGS), $(LDFLAGS) and the target "headers".

lib := $(dir $(lastword $(MAKEFILE_LIST)))

LIB_OBJECTS := $(patsubst $(lib)%.c,$(OUTPUT)/obj/lib/%.o,$(wildcard $(lib)*.c))

# Our own headers first: they are what is under test.
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror
CFLAGS += -pthread -MMD
CFLAGS += -I$(lib)../../include/uapi -isystem $(KSRC)/usr/include -I$(lib)..
LDFLAGS += -static -pthread

.DEFAULT_GOAL := all

$(OUTPUT)/obj/lib/%.o: $(lib)%.c | headers $(OUTPUT)/obj/lib
	$(CC) $(CFLAGS) -c $< -o $@

$(OUTPUT)/obj/lib:
	mkdir -p $@

headers:
	@test -e $(KSRC)/usr/include/linux/vfio.h || \
		{ echo "$(KSRC) has no user headers: run 'make headers' there" >&2; exit 1; }

-include $(LIB_OBJECTS:.o=.d)

.PHONY: headers
