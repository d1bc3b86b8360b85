// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can reach: with QEMU's edu devices, which do DMA when told to.
 */
#include "test.h"

#define IOVA	(16 * MIB)
#define SPARE	(64 * MIB)	/* a page of @mem that only the checks use */
#define SIZE	(16 * PAGE)

FIXTURE(dma)
{
	struct context c;
	char *mem;		/* SIZE bytes, not mapped, filled with seed 1 */
	char *spare;		/* a page that stays mapped at SPARE */
};

FIXTURE_SETUP(dma)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	self->mem = must_ptr(mem_base(SIZE));
	mem_fill(self->mem, SIZE, 1);
	self->spare = must_ptr(mem_base(PAGE));
	must(ioas_map_at(range_of(self->c.ioas, SPARE, PAGE), self->spare,
			 MAP_RW));
}

FIXTURE_TEARDOWN(dma)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* Put the bytes of @seed into the device's buffer, by way of the spare page. */
static void load(struct edu *edu, char *spare, __u32 seed)
{
	mem_fill(spare, PAGE, seed);
	must(edu_from_memory(edu, SPARE, 0, PAGE));
}

/* Does the buffer hold the bytes of @seed from @from on? */
static bool holds(struct edu *edu, char *spare, __u32 seed, size_t from)
{
	mem_fill(spare, PAGE, 1234);
	must(edu_to_memory(edu, SPARE, 0, PAGE));
	return mem_differs_from(spare, PAGE, seed, from) < 0;
}

/*
 * The device tries to write its buffer to @iova. Did any byte of @mem change?
 * Only to be asked when the buffer is known to hold something else.
 */
static bool writes(struct edu *edu, __u64 iova, const char *mem)
{
	char before[PAGE];

	memcpy(before, mem, PAGE);
	must(edu_to_memory(edu, iova, 0, PAGE));
	return memcmp(before, mem, PAGE);
}

TEST_F(dma, read_and_write)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(edu_from_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], IOVA + 5 * PAGE, 0, PAGE));

	EXPECT_EQ(-1, mem_differs(self->mem, 5 * PAGE, 1));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 5 * PAGE, PAGE, 1, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 6 * PAGE, SIZE - 6 * PAGE,
				       1, 6 * PAGE));
}

/* Transfers that start anywhere and cross from page to page */
TEST_F(dma, across_pages)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(edu_from_memory(&self->c.edu[0], IOVA + PAGE - 100, 0, 200));
	must(edu_to_memory(&self->c.edu[0], IOVA + 3 * PAGE - 7, 0, 200));
	EXPECT_EQ(-1, mem_differs(self->mem, 3 * PAGE - 7, 1));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 3 * PAGE - 7, 200, 1,
				       PAGE - 100));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 3 * PAGE + 193, PAGE, 1,
				       3 * PAGE + 193));
}

/* Two mappings that touch are one range for the device. */
TEST_F(dma, across_mappings)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem + PAGE,
			 MAP_RW));
	must(ioas_map_at(range_of(self->c.ioas, IOVA + PAGE, PAGE), self->mem,
			 MAP_RW));
	must(edu_from_memory(&self->c.edu[0], IOVA + PAGE / 2, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], SPARE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->spare, PAGE / 2, 1,
				       PAGE + PAGE / 2));
	EXPECT_EQ(-1, mem_differs_from(self->spare + PAGE / 2, PAGE / 2, 1, 0));
}

/* Each kind of memory, at its start, around a huge page border, at its end */
TEST_F(dma, kinds_of_memory)
{
	const size_t size = 2 * HUGE;
	struct {
		const char *name;
		char *mem;
	} kinds[] = {
		{ "base pages", mem_base(size) },
		{ "transparent huge pages", mem_thp(size) },
		{ "hugetlb", mem_hugetlb(size) },
		{ "shared", mem_of_file(must(mem_file(size, 0)), size) },
	};
	static const size_t at[] = { 0, HUGE - PAGE / 2, 2 * HUGE - PAGE };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].mem == MAP_FAILED) {
			TH_LOG("no %s here", kinds[i].name);
			continue;
		}
		mem_fill(kinds[i].mem, size, i);
		must(ioas_map_at(range_of(self->c.ioas, IOVA, size),
				 kinds[i].mem, MAP_RW));
		for (j = 0; j < ARRAY_SIZE(at); j++) {
			must(edu_from_memory(&self->c.edu[0], IOVA + at[j], 0,
					     PAGE));
			EXPECT_TRUE(holds(&self->c.edu[0], self->spare, i, at[j]))
				TH_LOG("%s, %zx", kinds[i].name, at[j]);
			load(&self->c.edu[0], self->spare, 100 + i);
			must(edu_to_memory(&self->c.edu[0], IOVA + at[j], 0, PAGE));
			EXPECT_EQ(-1, mem_differs(kinds[i].mem + at[j], PAGE,
						  100 + i))
				TH_LOG("%s, %zx", kinds[i].name, at[j]);
		}
		must(ioas_unmap(self->c.ioas, IOVA, size, NULL));
	}
}

TEST_F(dma, not_mapped)
{
	/* Both neighbours are mapped. */
	must(ioas_map_at(range_of(self->c.ioas, IOVA - PAGE, PAGE), self->mem,
			 MAP_RW));
	must(ioas_map_at(range_of(self->c.ioas, IOVA + PAGE, PAGE), self->mem,
			 MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	EXPECT_EQ(-1, mem_differs(self->mem, SIZE, 1));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_FALSE(holds(&self->c.edu[0], self->spare, 1, 0));

	/* The device is none the worse for it. */
	must(edu_from_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 1, 0));
}

TEST_F(dma, read_only)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_R));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 1, 0));
}

TEST_F(dma, write_only)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_W));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 2));
}

/* When unmap returns, the device cannot reach the memory any longer. */
TEST_F(dma, unmap)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));

	mem_fill(self->mem, SIZE, 3);
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_FALSE(holds(&self->c.edu[0], self->spare, 3, 0));
	EXPECT_EQ(-1, mem_differs(self->mem, SIZE, 3));
}

/* Only what is unmapped goes. */
TEST_F(dma, unmap_one_of_two)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(ioas_map_at(range_of(self->c.ioas, IOVA + PAGE, PAGE),
			 self->mem + PAGE, MAP_RW));
	must(ioas_unmap(self->c.ioas, IOVA, PAGE, NULL));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA + PAGE, self->mem + PAGE));
}

/* An IOVA that is used again leads to the new memory at once. */
TEST_F(dma, same_iova_again)
{
	int i;

	load(&self->c.edu[0], self->spare, 2);
	for (i = 0; i < 4; i++) {
		mem_fill(self->mem, SIZE, 10 + i);
		must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE),
				 self->mem + i * PAGE, MAP_RW));
		EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem + i * PAGE));
		EXPECT_EQ(-1, mem_differs(self->mem, i * PAGE, 10 + i));
		must(ioas_unmap(self->c.ioas, IOVA, PAGE, NULL));
	}
}

TEST_F(dma, detach)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_FALSE(holds(&self->c.edu[0], self->spare, 1, 0));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 1, 0));
}

/* A device that is bound and never attached reaches nothing. */
TEST_F(dma, not_attached)
{
	load(&self->c.edu[0], self->spare, 2);
	edu_close(&self->c.edu[0]);
	context_open_edu(&self->c, 0);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));
	EXPECT_FALSE(writes(&self->c.edu[0], addr(self->mem), self->mem));
}

/* What was mapped before the attach is there after it. */
TEST_F(dma, attach_fills)
{
	struct ioas other = must_ioas(self->c.fd);

	must(ioas_map_at(range_of(other, IOVA, SIZE), self->mem, MAP_R));
	must(ioas_map_at(range_of(other, SPARE, PAGE), self->spare, MAP_RW));
	must(vfio_detach(self->c.edu[0].fd));
	must(vfio_attach(self->c.edu[0].fd, other.id));
	load(&self->c.edu[0], self->spare, 2);
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA + 3 * PAGE,
			    self->mem + 3 * PAGE));
	must(edu_from_memory(&self->c.edu[0], IOVA + 3 * PAGE, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 1, 3 * PAGE));
}

/* A device that is moved is in the new IOAS only. */
TEST_F(dma, replace)
{
	struct ioas other = must_ioas(self->c.fd);

	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(ioas_map_at(range_of(other, IOVA, PAGE), self->mem + PAGE,
			 MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	mem_fill(self->spare, PAGE, 3);
	must(vfio_attach(self->c.edu[0].fd, other.id));
	EXPECT_FALSE(writes(&self->c.edu[0], SPARE, self->spare));
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem + PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 1));
}

/* The context lives on in the device, with all its mappings. */
TEST_F(dma, iommufd_closed)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	close(self->c.fd);
	self->c.fd = -1;
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem));
	EXPECT_EQ(2, pins_since(self->c.pinned));
}

/* Memory that the process has never touched is given to it, not a copy. */
TEST_F(dma, fresh_memory)
{
	char *mem = must_ptr(mem_base(2 * PAGE));

	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), mem, MAP_RW));
	must(ioas_map_at(range_of(self->c.ioas, IOVA + PAGE, PAGE), mem + PAGE,
			 MAP_R));
	load(&self->c.edu[0], self->spare, 2);
	must(edu_to_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(mem, PAGE, 2));
	/* Read first by the device, written later by the process */
	mem_fill(mem + PAGE, PAGE, 3);
	must(edu_from_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 3, 0));
}

/* The zero page and a page shared with a child are not written to. */
TEST_F(dma, copy_on_write)
{
	char *mem = must_ptr(mem_base(PAGE));
	int status, hold[2];
	pid_t pid;
	char c = 0;

	ASSERT_EQ(0, mem[0]);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), mem, MAP_RW));
	load(&self->c.edu[0], self->spare, 2);
	must(edu_to_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(mem, PAGE, 2));

	/* After fork() the device stays with the parent. */
	ASSERT_EQ(0, pipe(hold));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (read(hold[0], &c, 1) != 1)
			_exit(1);
		_exit(mem_differs(mem, PAGE, 2) < 0 ? 0 : 2);
	}
	mem_fill(mem, PAGE, 3);
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 3, 0));
	load(&self->c.edu[0], self->spare, 4);
	must(edu_to_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(mem, PAGE, 4));
	ASSERT_EQ(1, write(hold[1], &c, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Whatever the process does to its view, the device keeps what it was given. */
TEST_F(dma, memory_goes_away)
{
	char *mem = must_ptr(mem_base(3 * PAGE)), *moved;

	mem_fill(mem, 3 * PAGE, 5);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, 3 * PAGE), mem, MAP_RW));
	ASSERT_EQ(0, munmap(mem, PAGE));
	ASSERT_EQ(0, madvise(mem + PAGE, PAGE, MADV_DONTNEED));
	moved = mremap(mem + 2 * PAGE, PAGE, PAGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, mem);
	ASSERT_EQ(mem, moved);
	EXPECT_EQ(4, pins_since(self->c.pinned));

	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 5, 0));
	load(&self->c.edu[0], self->spare, 6);
	must(edu_to_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	EXPECT_EQ(0, mem[PAGE]);
	must(edu_to_memory(&self->c.edu[0], IOVA + 2 * PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(moved, PAGE, 6));

	must(ioas_unmap(self->c.ioas, IOVA, 3 * PAGE, NULL));
	EXPECT_EQ(1, pins_since(self->c.pinned));
}

/* A copy leads to the same bytes, at any page of them. */
TEST_F(dma, copy)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(ioas_copy_at(self->c.ioas, 2 * IOVA,
			  range_of(self->c.ioas, IOVA + 3 * PAGE, 2 * PAGE),
			  MAP_R));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(3, pins_since(self->c.pinned));
	must(edu_from_memory(&self->c.edu[0], 2 * IOVA + PAGE, 0, PAGE));
	EXPECT_TRUE(holds(&self->c.edu[0], self->spare, 1, 4 * PAGE));
	EXPECT_FALSE(writes(&self->c.edu[0], 2 * IOVA, self->mem + 3 * PAGE));
}

/* The kernel says who tried what, and where. */
TEST_F(dma, fault_report)
{
	char text[256], where[32];
	int kmsg, tries, rc = -ETIMEDOUT;

	kmsg = must(kmsg_open());
	for (tries = 0; rc && tries < 4; tries++) {
		must(edu_to_memory(&self->c.edu[0], IOVA, 0, 64));
		rc = kmsg_dma_fault(kmsg, 3000, text, sizeof(text));
	}
	ASSERT_EQ(0, rc)
		TH_LOG("no report");
	TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "DMA Write"));
	EXPECT_NE(NULL, strstr(text, self->c.pci[0].name));
	snprintf(where, sizeof(where), "0x%lx", IOVA);
	EXPECT_NE(NULL, strstr(text, where));
	close(kmsg);
}

FIXTURE(two)
{
	struct context c;
	struct ioas ioas[2];
	char *mem;
};

FIXTURE_SETUP(two)
{
	if (context_open(&self->c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	self->ioas[0] = self->c.ioas;
	self->ioas[1] = must_ioas(self->c.fd);
	self->mem = must_ptr(mem_base(4 * PAGE));
	mem_fill(self->mem, 4 * PAGE, 1);
}

FIXTURE_TEARDOWN(two)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* In one IOAS both see the same memory, which is pinned once. */
TEST_F(two, one_ioas)
{
	must(ioas_map_at(range_of(self->ioas[0], IOVA, 4 * PAGE), self->mem,
			 MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->ioas[0].id));
	must(vfio_attach(self->c.edu[1].fd, self->ioas[0].id));
	EXPECT_EQ(4, pins_since(self->c.pinned));

	/* What one device takes out the other one hands on. */
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	must(edu_from_memory(&self->c.edu[1], IOVA + PAGE, 0, PAGE));
	must(edu_to_memory(&self->c.edu[1], IOVA + 2 * PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem + 2 * PAGE, PAGE, 1));

	/* It goes for both at once. */
	must(ioas_unmap_all(self->ioas[0], NULL));
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA + 3 * PAGE,
			    self->mem + 3 * PAGE));
	EXPECT_FALSE(writes(&self->c.edu[1], IOVA + 3 * PAGE,
			    self->mem + 3 * PAGE));
}

/* In two IOASes the same IOVA is not the same memory, and an unmap is local. */
TEST_F(two, two_ioases)
{
	int i;

	for (i = 0; i < 2; i++) {
		must(ioas_map_at(range_of(self->ioas[i], IOVA, PAGE),
				 self->mem + i * PAGE, MAP_RW));
		must(vfio_attach(self->c.edu[i].fd, self->ioas[i].id));
	}
	for (i = 0; i < 2; i++)
		must(edu_from_memory(&self->c.edu[i], IOVA, 0, PAGE));
	must(ioas_map_at(range_of(self->ioas[1], 2 * IOVA, PAGE),
			 self->mem + 3 * PAGE, MAP_RW));
	EXPECT_TRUE(writes(&self->c.edu[1], 2 * IOVA, self->mem + 3 * PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 3 * PAGE, PAGE, 1, PAGE));
	EXPECT_FALSE(writes(&self->c.edu[0], 2 * IOVA, self->mem + 3 * PAGE));

	must(ioas_unmap_all(self->ioas[1], NULL));
	mem_fill(self->mem, 2 * PAGE, 7);
	EXPECT_FALSE(writes(&self->c.edu[1], IOVA, self->mem + PAGE));
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem));
}

/* From a common IOAS each to its own: nothing is shared any longer. */
TEST_F(two, parted)
{
	must(ioas_map_at(range_of(self->ioas[0], IOVA, PAGE), self->mem,
			 MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->ioas[0].id));
	must(vfio_attach(self->c.edu[1].fd, self->ioas[0].id));
	must(edu_from_memory(&self->c.edu[1], IOVA, 0, PAGE));
	must(vfio_attach(self->c.edu[1].fd, self->ioas[1].id));
	mem_fill(self->mem, PAGE, 7);
	EXPECT_FALSE(writes(&self->c.edu[1], IOVA, self->mem));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	must(ioas_map_at(range_of(self->ioas[0], 2 * IOVA, PAGE),
			 self->mem + PAGE, MAP_RW));
	must(edu_to_memory(&self->c.edu[0], 2 * IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem + PAGE, PAGE, 7));
}

/* One page in two IOASes: pinned until the last one lets go. */
TEST_F(two, copied)
{
	int i;

	must(ioas_map_at(range_of(self->ioas[0], IOVA, PAGE), self->mem,
			 MAP_RW));
	must(ioas_copy_at(self->ioas[1], IOVA,
			  range_of(self->ioas[0], IOVA, PAGE), MAP_R));
	for (i = 0; i < 2; i++)
		must(vfio_attach(self->c.edu[i].fd, self->ioas[i].id));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	mem_fill(self->mem, PAGE, 8);
	EXPECT_TRUE(writes(&self->c.edu[0], IOVA, self->mem));
	mem_fill(self->mem, PAGE, 8);
	must(ioas_unmap_all(self->ioas[0], NULL));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	EXPECT_FALSE(writes(&self->c.edu[0], IOVA, self->mem));

	/* The second one may still read. */
	must(edu_from_memory(&self->c.edu[1], IOVA, 0, PAGE));
	mem_fill(self->mem, PAGE, 9);
	EXPECT_FALSE(writes(&self->c.edu[1], IOVA, self->mem));
	must(ioas_map_at(range_of(self->ioas[1], 2 * IOVA, PAGE),
			 self->mem + PAGE, MAP_W));
	must(edu_to_memory(&self->c.edu[1], 2 * IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem + PAGE, PAGE, 8));
}

TEST_HARNESS_MAIN
