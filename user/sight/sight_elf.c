// SPDX-License-Identifier: BSD-2-Clause
#include "sight_elf.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STUB_SECTION ".plt" /* and .plt.sec, .plt.got */

/* A file being read. */
struct reading {
	Elf *elf;
	size_t names; /* section of section names */
	struct sight_symbol *symbols;
	uint64_t slots[64]; /* where the linker puts the address of symbols[i]; 0: nowhere */
	unsigned int count;
	struct sight_elf *out;
};

/* file_offset - of an address, by the segment that holds it; 0: not in the file */
static uint64_t file_offset(const struct reading *r, uint64_t address)
{
	size_t count = 0;
	GElf_Phdr p;

	elf_getphdrnum(r->elf, &count);
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(r->elf, (int)i, &p) && p.p_type == PT_LOAD &&
		    address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz)
			return address - p.p_vaddr + p.p_offset;
	return 0;
}

/* find - index of a name that is looked for, or -1 */
static int find(const struct reading *r, const char *name)
{
	for (unsigned int i = 0; name && i < r->count; i++)
		if (!strcmp(r->symbols[i].name, name))
			return (int)i;
	return -1;
}

/* take_dynamic - needs and search path */
static void take_dynamic(struct reading *r, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	struct sight_elf *out = r->out;
	const char *text;
	GElf_Dyn d;

	for (int i = 0; data && gelf_getdyn(data, i, &d) && d.d_tag != DT_NULL; i++) {
		if (d.d_tag != DT_NEEDED && d.d_tag != DT_RUNPATH && d.d_tag != DT_RPATH)
			continue;
		text = elf_strptr(r->elf, head->sh_link, d.d_un.d_val);
		if (!text)
			continue;
		if (d.d_tag == DT_NEEDED) {
			if (out->needed_count < SIGHT_NEEDED_MAX)
				snprintf(out->needed[out->needed_count++], SIGHT_NAME, "%s", text);
		} else if (d.d_tag == DT_RUNPATH || !out->runpath[0]) {
			snprintf(out->runpath, sizeof(out->runpath), "%s", text);
		}
	}
}

/* take_symbols - functions of the file's own */
static void take_symbols(struct reading *r, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym s;

	for (int i = 0; data && gelf_getsym(data, i, &s); i++) {
		int at = find(r, elf_strptr(r->elf, head->sh_link, s.st_name));

		if (at < 0 || s.st_shndx == SHN_UNDEF || GELF_ST_TYPE(s.st_info) != STT_FUNC)
			continue;
		r->symbols[at].offset = file_offset(r, s.st_value);
		if (r->symbols[at].offset)
			r->symbols[at].place = SIGHT_OWN;
	}
}

/* take_relocations - the slots through which names of other files are called */
static void take_relocations(struct reading *r, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL), *table;
	Elf_Scn *symbols = elf_getscn(r->elf, head->sh_link);
	GElf_Shdr table_head;
	GElf_Rela a;
	GElf_Sym s;

	table = symbols ? elf_getdata(symbols, NULL) : NULL;
	if (!table || !gelf_getshdr(symbols, &table_head))
		return;
	for (int i = 0; data && gelf_getrela(data, i, &a); i++) {
		uint32_t type = GELF_R_TYPE(a.r_info);
		int at;

		if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) ||
		    !gelf_getsym(table, (int)GELF_R_SYM(a.r_info), &s))
			continue;
		at = find(r, elf_strptr(r->elf, table_head.sh_link, s.st_name));
		if (at < 0 || s.st_shndx != SHN_UNDEF)
			continue;
		r->slots[at] = a.r_offset;
		r->symbols[at].place = SIGHT_POINTER;
	}
}

/* stub_begin - where the stub begins whose jump is at `at`: before it may stand a bnd prefix and
 * an endbr64, where calls arrive */
static size_t stub_begin(const uint8_t *code, size_t at)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (at >= 1 && code[at - 1] == 0xf2)
		at--;
	if (at >= sizeof(endbr64) && !memcmp(code + at - sizeof(endbr64), endbr64, sizeof(endbr64)))
		at -= sizeof(endbr64);
	return at;
}

/* take_stubs - a stub is "jmp *slot(%rip)": ff 25 and 32 bits from the next instruction on */
static void take_stubs(struct reading *r, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const uint8_t *code = data ? data->d_buf : NULL;
	int32_t distance;

	for (size_t i = 0; code && i + 6 <= data->d_size; i++) {
		if (code[i] != 0xff || code[i + 1] != 0x25)
			continue;
		memcpy(&distance, code + i + 2, sizeof(distance));
		for (unsigned int j = 0; j < r->count; j++) {
			if (!r->slots[j] ||
			    head->sh_addr + i + 6 + (int64_t)distance != r->slots[j])
				continue;
			r->symbols[j].offset = file_offset(r, head->sh_addr + stub_begin(code, i));
			if (r->symbols[j].offset)
				r->symbols[j].place = SIGHT_STUB;
		}
	}
}

/* each_section - `what` of every section of a type; with a name only those that begin with it */
static void each_section(struct reading *r, uint32_t type, const char *name,
			 void (*what)(struct reading *, Elf_Scn *, const GElf_Shdr *))
{
	Elf_Scn *section = NULL;
	const char *called;
	GElf_Shdr head;

	while ((section = elf_nextscn(r->elf, section))) {
		if (!gelf_getshdr(section, &head) || head.sh_type != type)
			continue;
		called = elf_strptr(r->elf, r->names, head.sh_name);
		if (!name || (called && !strncmp(called, name, strlen(name))))
			what(r, section, &head);
	}
}

/* sight_elf_read - own functions first: what is also called through a stub is probed there */
int sight_elf_read(int fd, struct sight_symbol *symbols, unsigned int count, struct sight_elf *ret,
		   struct error *e)
{
	struct reading r = { .symbols = symbols, .count = count, .out = ret };
	bool good;
	GElf_Ehdr head;

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < count; i++)
		symbols[i].place = SIGHT_ABSENT;
	elf_version(EV_CURRENT);
	r.elf = elf_begin(fd, ELF_C_READ, NULL);
	good = r.elf && elf_kind(r.elf) == ELF_K_ELF && gelf_getehdr(r.elf, &head) &&
	       head.e_machine == EM_X86_64 && head.e_ident[EI_CLASS] == ELFCLASS64 &&
	       elf_getshdrstrndx(r.elf, &r.names) == 0 &&
	       count <= sizeof(r.slots) / sizeof(r.slots[0]);
	if (good) {
		each_section(&r, SHT_DYNAMIC, NULL, take_dynamic);
		each_section(&r, SHT_SYMTAB, NULL, take_symbols);
		each_section(&r, SHT_DYNSYM, NULL, take_symbols);
		each_section(&r, SHT_RELA, NULL, take_relocations);
		each_section(&r, SHT_PROGBITS, STUB_SECTION, take_stubs);
	}
	elf_end(r.elf);
	return good ? 0 : error_set(e, -ENOEXEC, "is no x86-64 program with section headers");
}
