// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The exporter that moves and revokes, one step at a time and with every access over before anything changes. The
 * reference has the same (kernel/compare/moving-exporter.ts), so that what differs is the core's.
 */
#include <linux/wait.h>
#include "compat.h"
#include "views.h"

static DECLARE_WAIT_QUEUE_HEAD(unmapped);

void moving_unmapped(void)
{
	wake_up_all(&unmapped);
}

static void lock_it(struct actor *actor, struct buffer *buffer)
{
	record('n', " getRef %d 1", buffer_slot(buffer));
	get_dma_buf(buffer->buf);
	record('m', "%s", "");
	reservation_lock(actor, reservation_of(buffer->buf->resv));
}

static void unlock_it(struct actor *actor, struct buffer *buffer)
{
	reservation_unlock(actor, reservation_of(buffer->buf->resv));
}

static void put_it(struct buffer *buffer)
{
	record('n', " put %d 1", buffer_slot(buffer));
	dma_buf_put(buffer->buf);
	record('m', "%s", "");
}

static void invalidate_it(struct buffer *buffer)
{
	record('n', " invalidate %d", buffer_slot(buffer));
	invalidate_buffer(buffer->buf);
	record('m', "%s", "");
}

void exporter_wait(struct buffer *buffer, enum dma_resv_usage usage)
{
	long left;

	record('n', " waitFences %d %d", reservation_slot(reservation_of(buffer->buf->resv)), usage);
	left = dma_resv_wait_timeout(buffer->buf->resv, usage, false, MAX_SCHEDULE_TIMEOUT);
	record('m', " %ld %ld", left < 0 ? -left : 0, left);
}

static void move(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	int errno, old;

	if (!buffer)
		return skip("buffer");
	call();
	if (!buffer->moving)
		return ret(EOPNOTSUPP);
	lock_it(actor, buffer);
	errno = buffer->revoked ? ENODEV : buffer->pins > 0 || buffer->fixed > 0 ? EBUSY : 0;
	if (!errno) {
		invalidate_it(buffer);
		exporter_wait(buffer, DMA_RESV_USAGE_BOOKKEEP);
		exporter_zap(buffer);
		old = buffer->storage;
		buffer->storage = 0;
		exporter_place(buffer, true);
		exporter_retire(old, buffer_slot(buffer));
	}
	unlock_it(actor, buffer);
	put_it(buffer);
	ret(errno);
}

static void revoke(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	bool done;

	if (!buffer)
		return skip("buffer");
	call();
	if (!buffer->moving)
		return ret(EOPNOTSUPP);
	lock_it(actor, buffer);
	done = buffer->revoked;
	buffer->revoked = true;
	buffer->revoking++;
	if (!done) {
		invalidate_it(buffer);
		if (SINCE(7, 1))
			exporter_wait(buffer, DMA_RESV_USAGE_BOOKKEEP);
		exporter_zap(buffer);
	}
	unlock_it(actor, buffer);
	if (SINCE(7, 1) && buffer->maps > 0) {
		actor->unmaps = buffer_slot(buffer) + 1;
		wait_event(unmapped, !buffer->maps);
		actor->unmaps = 0;
	}
	buffer->revoking--;
	put_it(buffer);
	ret(0);
}

static void unrevoke(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	int errno;

	if (!buffer)
		return skip("buffer");
	call();
	if (!buffer->moving)
		return ret(EOPNOTSUPP);
	reservation_lock(actor, reservation_of(buffer->buf->resv));
	/* While one is under way it is not taken back. */
	errno = buffer->revoking ? EBUSY : 0;
	if (!errno && buffer->revoked) {
		buffer->revoked = false;
		invalidate_it(buffer);
	}
	unlock_it(actor, buffer);
	ret(errno);
}

const struct operation moving_operations[] = {
	{ "move", 1, move },
	{ "evict", 1, move },
#if SINCE(6, 19)
	{ "revoke", 1, revoke },
	{ "unrevoke", 1, unrevoke },
#endif
	{ }
};
