// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The history as text. A line: kind, task, step, atomic (0 or 1), then what the kind carries.
 * One CPU and no lock of our own: lines are written with interrupts off.
 */
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "conformance.h"

#define ROOM (16u << 20)

static char *text;
static size_t used;
/* Where the program under way began. */
static size_t begun;
static unsigned long irq_flags;

static __printf(1, 0) void append(const char *format, va_list args)
{
	size_t left = ROOM - used;
	int length = vsnprintf(text + used, left, format, args);

	if (length > 0 && (size_t)length < left)
		used += length;
}

static __printf(1, 2) void write_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(format, args);
	va_end(args);
}

static void head(struct actor *actor, char kind, bool atomic)
{
	write_text("%c %d %d %d", kind, actor ? actor->id : -1, actor ? actor->step : driver_step, atomic);
}

/* What the actor was in before it got here: asleep, or on its way to a lock. */
static void catch_up(struct actor *actor)
{
	bool woken = actor && actor->blocked;

	if (!actor)
		return;
	if (woken) {
		actor->blocked = false;
		head(actor, 'R', false);
		write_text("\n");
	}
	if (actor->asked && !actor->explicit) {
		struct reservation *asked = actor->asked;

		actor->asked = NULL;
		head(actor, 'L', false);
		write_text(" %d -1 0 0 %d %d\n", reservation_slot(asked), actor->foreign ? 2 : 1, woken);
	}
}

static void start(char kind)
{
	struct actor *actor = this_actor();
	bool atomic = in_atomic() || irqs_disabled();

	local_irq_save(irq_flags);
	trace_stamp();
	catch_up(actor);
	head(actor, kind, atomic);
}

static void stop(void)
{
	write_text("\n");
	local_irq_restore(irq_flags);
}

void record(char kind, const char *format, ...)
{
	va_list args;

	if (!running)
		return;
	start(kind);
	va_start(args, format);
	append(format, args);
	va_end(args);
	stop();
}

void record_stamp(int fence, s64 time)
{
	write_text("s -1 -1 0 %d %lld\n", fence, time);
}

/* From somebody else's context: nothing is caught up with. */
void record_for(struct actor *actor, char kind, const char *format, ...)
{
	unsigned long flags;
	va_list args;

	if (!running)
		return;
	local_irq_save(flags);
	head(actor, kind, false);
	va_start(args, format);
	append(format, args);
	va_end(args);
	write_text("\n");
	local_irq_restore(flags);
}

void record_text(char kind, const char *from, size_t length)
{
	size_t at;

	if (!running)
		return;
	start(kind);
	write_text(" ");
	for (at = 0; at < length && used + 2 < ROOM; at++)
		text[used++] = from[at] == '\n' ? ' ' : from[at];
	stop();
}

void record_begin(char kind)
{
	start(kind);
}

void record_more(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(format, args);
	va_end(args);
}

void record_end(void)
{
	stop();
}

/* A line of the driver's own, outside any program. */
void record_line(const char *format, ...)
{
	va_list args;

	if (format[0] == 'P')
		begun = used;
	va_start(args, format);
	append(format, args);
	va_end(args);
}

size_t record_take(char __user *to, size_t count, loff_t *from)
{
	return simple_read_from_buffer(to, count, from, text, used);
}

void record_reset(void)
{
	used = 0;
	begun = 0;
}

/* The kernel stops: the history so far goes to the console. */
void record_dump(void)
{
	size_t at = begun, end;

	while (at < used) {
		for (end = at; end < used && text[end] != '\n'; end++)
			;
		pr_emerg("trail %.*s\n", (int)(end - at), text + at);
		at = end + 1;
	}
}

int record_init(void)
{
	text = vmalloc(ROOM);
	return text ? 0 : -ENOMEM;
}

void record_exit(void)
{
	vfree(text);
}
