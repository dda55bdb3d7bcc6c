// SPDX-License-Identifier: MIT OR GPL-2.0
/* The program maps buffers for a user and for the kernel, and the CPU touches what it mapped. */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include "requests.h"
#include "views.h"

struct view views[VIEWS];

struct view *view_at(s64 slot)
{
	struct view *found = slot >= 0 && slot < VIEWS ? &views[slot] : NULL;

	return found && found->live ? found : NULL;
}

int view_slot(struct view *view)
{
	return view - views;
}

struct view *view_of(struct vm_area_struct *vma)
{
	int slot;

	for (slot = 0; slot < VIEWS; slot++)
		if (views[slot].live && !views[slot].kernel && views[slot].address == vma->vm_start)
			return &views[slot];
	return NULL;
}

void view_shows_at(struct view *view, u64 page, u64 count, int storage, u64 offset)
{
	view->shows = true;
	record('g', " %d 1 %llu %llu %d %llu", view_slot(view), page, count, storage, offset);
}

void view_shows(struct view *view, u64 page, u64 count, int storage)
{
	view_shows_at(view, page, count, storage, (view->start + page) * PAGE_SIZE);
}

void view_shows_nothing(struct view *view)
{
	if (view->shows)
		record('g', " %d 0 0 %llu 0 0", view_slot(view), view->pages);
	view->shows = false;
}

/* A driver maps the buffer into the user who maps the driver's own file, which is that of our device. */
int views_mmap_device(struct vm_area_struct *vma)
{
	struct actor *actor = this_actor();

	return actor && actor->maps ? dma_buf_mmap(actor->maps, vma, actor->map_offset) : -EINVAL;
}

/* The buffer whose file a mapping belongs to; -1 for none. */
static int file_behind(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma;
	int slot, found = -1;

	mmap_read_lock(mm);
	vma = find_vma(mm, address);
	for (slot = 0; slot < BUFFERS && vma && vma->vm_file; slot++)
		if (buffers[slot].buf && !buffers[slot].released && buffers[slot].buf->file == vma->vm_file)
			found = slot;
	mmap_read_unlock(mm);
	return found;
}

/* buffer, view, offset, pages, shared */
static void map_user(struct actor *actor, const s64 *arg, bool descriptor)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct view *view = arg[1] >= 0 && arg[1] < VIEWS ? &views[arg[1]] : NULL;
	/* A large private mapping that can be written to is refused for its size alone. */
	unsigned long protection = arg[4] || arg[3] < 1024 ? PROT_READ | PROT_WRITE : PROT_READ, address;
	struct file *file;

	if (!buffer || !view || view->live)
		return skip("buffer");
	memset(view, 0, sizeof(*view));
	view->buffer = arg[0];
	view->pages = arg[3];
	file = descriptor ? buffer->buf->file : requests_file();
	actor->view = arg[1];
	actor->maps = buffer->buf;
	actor->map_offset = arg[2];
	actor->map_start = 0;
	call();
	kthread_use_mm(requests_user());
	address = vm_mmap(file, 0, view->pages * PAGE_SIZE, protection, arg[4] ? MAP_SHARED : MAP_PRIVATE,
			  descriptor ? arg[2] * PAGE_SIZE : 0);
	kthread_unuse_mm(requests_user());
	actor->maps = NULL;
	if (IS_ERR_VALUE(address)) {
		view->shows = false;
		record('r', " %ld -1 %lld", -(long)address, descriptor ? arg[2] : (s64)actor->map_start);
		return;
	}
	view->address = address;
	view->live = true;
	view->start = arg[2];
	record('r', " 0 %d %lld", requests_quietly(actor, file_behind, address), descriptor ? arg[2] : (s64)actor->map_start);
}

static void mmap_op(struct actor *actor, const s64 *arg, int count)
{
	map_user(actor, arg, false);
}

static void mmap_fd(struct actor *actor, const s64 *arg, int count)
{
	map_user(actor, arg, true);
}

static void munmap_op(struct actor *actor, const s64 *arg, int count)
{
	struct view *view = view_at(arg[0]);

	if (!view || view->kernel)
		return skip("view");
	call();
	view->live = false;
	kthread_use_mm(requests_user());
	vm_munmap(view->address, view->pages * PAGE_SIZE);
	kthread_unuse_mm(requests_user());
	view_shows_nothing(view);
	ret(0);
}

/* buffer, view */
static void vmap_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct view *view = arg[1] >= 0 && arg[1] < VIEWS ? &views[arg[1]] : NULL;
	int errno;

	if (!buffer || !view || view->live || (locked && !holds(actor, buffer->buf)))
		return skip("buffer");
	memset(view, 0, sizeof(*view));
	call();
	errno = -(locked ? dma_buf_vmap(buffer->buf, &view->map) : dma_buf_vmap_unlocked(buffer->buf, &view->map));
	view->live = !errno;
	view->kernel = true;
	view->buffer = arg[0];
	record('r', " %d %d %d", errno, exporter_address(buffer, &view->map), view->map.is_iomem);
}

static void vmap_locked(struct actor *actor, const s64 *arg, int count)
{
	vmap_op(actor, arg, true);
}

static void vmap_unlocked(struct actor *actor, const s64 *arg, int count)
{
	vmap_op(actor, arg, false);
}

static void vunmap_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct view *view = view_at(arg[0]);
	struct buffer *buffer = view ? buffer_at(view->buffer) : NULL;

	if (!view || !view->kernel || !buffer || (locked && !holds(actor, buffer->buf)))
		return skip("view");
	call();
	view->live = false;
	if (locked)
		dma_buf_vunmap(buffer->buf, &view->map);
	else
		dma_buf_vunmap_unlocked(buffer->buf, &view->map);
	ret(0);
}

static void vunmap_locked(struct actor *actor, const s64 *arg, int count)
{
	vunmap_op(actor, arg, true);
}

static void vunmap_unlocked(struct actor *actor, const s64 *arg, int count)
{
	vunmap_op(actor, arg, false);
}

/* view, kind (0 read, 1 write), byte: what is there is read, and for a write written back */
static void cpu_access(struct actor *actor, const s64 *arg, int count)
{
	struct view *view = view_at(arg[0]);
	void __user *place;
	bool reached = true;
	u64 seen = 0;

	if (!view)
		return skip("view");
	if (view->kernel) {
		/* Behind all of a buffer of ours is one page. */
		seen = *(u64 *)(view->map.vaddr + (buffers[view->buffer].foreign ? round_down(arg[2], sizeof(seen)) : 0));
	} else {
		place = (void __user *)(view->address + round_down(arg[2], sizeof(seen)));
		kthread_use_mm(requests_user());
		reached = !copy_from_user(&seen, place, sizeof(seen)) &&
			  (!arg[1] || !copy_to_user(place, &seen, sizeof(seen)));
		kthread_unuse_mm(requests_user());
	}
	record('C', " %lld %lld %lld %d %u %u", arg[0], arg[1], arg[2], reached, reached ? (u32)seen : 0,
	       (u32)(reached ? seen >> 32 : 0));
}

const struct operation view_operations[] = {
	{ "mmap", 5, mmap_op },
	{ "mmapFd", 5, mmap_fd },
	{ "munmap", 1, munmap_op },
	{ "vmap", 2, vmap_locked },
	{ "vmapUnlocked", 2, vmap_unlocked },
	{ "vunmap", 1, vunmap_locked },
	{ "vunmapUnlocked", 1, vunmap_unlocked },
	{ "cpuAccess", 3, cpu_access },
	{ }
};

/* What the program left. Nothing of it is recorded. */
void views_clear(void)
{
	int slot;

	for (slot = 0; slot < VIEWS; slot++) {
		struct view *view = view_at(slot);
		struct buffer *buffer = view ? buffer_at(view->buffer) : NULL;

		if (view && view->kernel && buffer)
			dma_buf_vunmap_unlocked(buffer->buf, &view->map);
		if (view && !view->kernel) {
			kthread_use_mm(requests_user());
			vm_munmap(view->address, view->pages * PAGE_SIZE);
			kthread_unuse_mm(requests_user());
		}
	}
	memset(views, 0, sizeof(views));
}
