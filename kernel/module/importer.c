// SPDX-License-Identifier: MIT OR GPL-2.0
/* The importer's side: attachments, pins, mappings, and the callback that ends them. */
#include "buffers.h"

static int stamps;

static struct mapping *mapping_at(s64 slot)
{
	struct mapping *found = slot >= 0 && slot < MAPPINGS ? &mappings[slot] : NULL;

	return found && found->table ? found : NULL;
}

/* The slot of an attachment. One that is being made is first seen by the task that makes it. */
int attachment_slot(struct dma_buf_attachment *attach)
{
	struct actor *actor = this_actor();
	int slot;

	for (slot = 0; slot < ATTACHMENTS; slot++)
		if (attachments[slot].attach == attach)
			return slot;
	for (slot = 0; slot < ATTACHMENTS; slot++)
		if (attachments[slot].being_made && attachments[slot].maker == actor) {
			attachments[slot].being_made = false;
			attachments[slot].attach = attach;
			return slot;
		}
	return -1;
}

/* buffer or -1, attachment, device or -1, ops (0 static, 1 without callback, 2 with), allows peer to peer, policy */
static void attach_op(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = arg[0] < 0 ? NULL : buffer_at(arg[0]);
	struct attachment *attachment = arg[1] >= 0 && arg[1] < ATTACHMENTS ? &attachments[arg[1]] : NULL;
	struct device *device = arg[2] >= 0 && arg[2] < DEVICES ? devices[arg[2]] : NULL;
	struct dma_buf_attachment *attach;

	if (!attachment || attachment->attach || (arg[0] >= 0 && !buffer))
		return skip("attachment");
	memset(attachment, 0, sizeof(*attachment));
	attachment->being_made = buffer && device;
	attachment->of = buffer ? buffer->buf : NULL;
	attachment->buffer = arg[0];
	attachment->device = arg[2];
	attachment->policy = arg[5];
	attachment->maker = actor;
	call();
	if (arg[3] == 0)
		attach = dma_buf_attach(attachment->of, device);
	else
		attach = dma_buf_dynamic_attach(attachment->of, device, importer_ops_of(arg[3] == 2, arg[4]), attachment);
	attachment->being_made = false;
	if (IS_ERR(attach)) {
		attachment->attach = NULL;
		record('r', " %ld 0", -PTR_ERR(attach));
		return;
	}
	attachment->attach = attach;
	record('r', " 0 %d", attach->peer2peer);
}

/* attachment or -1, buffer or -1 */
static void detach(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);
	struct buffer *buffer = arg[1] < 0 ? NULL : buffer_at(arg[1]);

	if (!attachment || !buffer)
		return skip("attachment");
	call();
	dma_buf_detach(buffer->buf, attachment->attach);
	if (attachment->of == buffer->buf)
		attachment->attach = NULL;
	ret(0);
}

static void pin(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);
	int errno;

	if (!attachment || !holds(actor, attachment->of))
		return skip("not held");
	call();
	errno = -dma_buf_pin(attachment->attach);
	if (!errno)
		attachment->pins++;
	ret(errno);
}

static void unpin(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);

	if (!attachment || !(attachment->pins || actor->misuse) || !holds(actor, attachment->of))
		return skip("not held");
	call();
	if (attachment->pins)
		attachment->pins--;
	dma_buf_unpin(attachment->attach);
	ret(0);
}

/* attachment or -1, direction, mapping */
static void map_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct attachment *attachment = arg[0] < 0 ? NULL : attachment_at(arg[0]);
	struct mapping *mapping = arg[2] >= 0 && arg[2] < MAPPINGS ? &mappings[arg[2]] : NULL;
	struct dma_buf_attachment *attach = attachment ? attachment->attach : NULL;
	struct sg_table *table;
	struct scatterlist *segment;
	int at;

	if (!mapping || mapping->table || (arg[0] >= 0 && !attachment))
		return skip("mapping");
	if (locked && attachment && !holds(actor, attachment->of))
		return skip("not held");
	actor->slept = false;
	call();
	table = locked ? dma_buf_map_attachment(attach, arg[1]) : dma_buf_map_attachment_unlocked(attach, arg[1]);
	if (IS_ERR(table)) {
		record('r', " %ld -1", -PTR_ERR(table));
		if (PTR_ERR(table) == -ERESTARTSYS && actor->slept)
			flush_signals(current);
		return;
	}
	mapping->table = table;
	mapping->attachment = arg[0];
	mapping->direction = arg[1];
	mapping->taken = false;
	mapping->stamp = ++stamps;
	record_begin('r');
	record_more(" 0 %d", table_id(table));
	for_each_sgtable_dma_sg(table, segment, at)
		record_more(" %llu %u", (u64)sg_dma_address(segment), sg_dma_len(segment));
	record_end();
}

static void map(struct actor *actor, const s64 *arg, int count)
{
	map_op(actor, arg, true);
}

static void map_unlocked(struct actor *actor, const s64 *arg, int count)
{
	map_op(actor, arg, false);
}

/* A table that was handed out more than once: what is given back is its oldest mapping, in that direction if any is. */
static struct mapping *oldest_like(struct mapping *named)
{
	struct mapping *oldest = named, *any = named;
	int at;

	for (at = 0; at < MAPPINGS; at++) {
		struct mapping *other = &mappings[at];

		if (other->table != named->table || other->attachment != named->attachment || other->taken)
			continue;
		if (other->stamp < any->stamp)
			any = other;
		if (other->direction == named->direction && other->stamp < oldest->stamp)
			oldest = other;
	}
	return oldest->direction == named->direction ? oldest : any;
}

/* mapping, direction */
static void unmap_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct mapping *mapping = mapping_at(arg[0]);
	struct attachment *attachment = mapping ? attachment_at(mapping->attachment) : NULL;

	/* The importer's callback is faster. */
	if (!mapping || mapping->taken)
		return;
	if (!attachment || (locked && !holds(actor, attachment->of)))
		return skip("not held");
	mapping = oldest_like(mapping);
	/* Before the lock: who unmaps it is settled here. */
	mapping->taken = true;
	call();
	if (locked)
		dma_buf_unmap_attachment(attachment->attach, mapping->table, arg[1]);
	else
		dma_buf_unmap_attachment_unlocked(attachment->attach, mapping->table, arg[1]);
	mapping->table = NULL;
	ret(0);
}

static void unmap(struct actor *actor, const s64 *arg, int count)
{
	unmap_op(actor, arg, true);
}

static void unmap_unlocked(struct actor *actor, const s64 *arg, int count)
{
	unmap_op(actor, arg, false);
}

#if SINCE(7, 1)
static void is_revocable(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);

	if (!attachment)
		return skip("attachment");
	call();
	record('r', " 0 %d", dma_buf_attach_revocable(attachment->attach));
}
#endif

/* mapping, kind: a device touches the first byte; no call of anybody's */
static void access_op(struct actor *actor, const s64 *arg, int count)
{
	struct mapping *mapping = mapping_at(arg[0]);

	if (!mapping)
		return skip("mapping");
	record('A', " %lld %lld %llu %llu", arg[0], arg[1], (u64)sg_dma_address(mapping->table->sgl),
	       foreign_seen(attachments[mapping->attachment].of, sg_dma_address(mapping->table->sgl)));
}

/* The importer answers an invalidate, lock held: unmaps what it has, or leaves it for later. */
void importer_invalidated(struct dma_buf_attachment *attach)
{
	int slot = attachment_slot(attach), at, direction;

	record('h', " %d %d", HOOK_INVALIDATE, slot);
	if (fault == PUT_IN_CALLBACK) {
		record('n', " getRef %d", attachments[slot].buffer);
		get_dma_buf(attach->dmabuf);
		record('m', "%s", "");
		record('n', " put %d", attachments[slot].buffer);
		dma_buf_put(attach->dmabuf);
		record('m', "%s", "");
	}
	for (at = 0; slot >= 0 && attachments[slot].policy == 0 && at < MAPPINGS; at++) {
		struct mapping *mapping = &mappings[at];

		if (!mapping->table || mapping->taken || mapping->attachment != slot)
			continue;
		mapping->taken = true;
		direction = mapping->direction;
		if (fault == OTHER_DIRECTION)
			direction = direction == DMA_TO_DEVICE ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
		record('n', " unmap %d %d", at, direction);
		dma_buf_unmap_attachment(attach, mapping->table, direction);
		mapping->table = NULL;
		record('m', "%s", "");
	}
	record('H', " %d 0 %d", HOOK_INVALIDATE, slot);
}

const struct operation importer_operations[] = {
	{ "attach", 6, attach_op },
	{ "detach", 2, detach },
	{ "pin", 1, pin },
	{ "unpin", 1, unpin },
	{ "map", 3, map },
	{ "mapUnlocked", 3, map_unlocked },
	{ "unmap", 2, unmap },
	{ "unmapUnlocked", 2, unmap_unlocked },
	{ "access", 2, access_op },
#if SINCE(7, 1)
	{ "isRevocable", 1, is_revocable },
#endif
	{ }
};
