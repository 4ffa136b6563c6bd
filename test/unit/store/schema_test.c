/* SPDX-License-Identifier: MIT */
/* schema_test.c: what a schema file says of itself. */
#include "store/store_schema.c"

#include "unit.h"

TEST(a_file_is_readable_by_the_last_release_unless_it_says_otherwise)
{
	CHECK_INT(reader_needed("-- 099: words\n\nDROP TABLE x;\n"), RELEASED);
	CHECK_INT(reader_needed("-- 099: words\n-- reader: 98\nDROP TABLE x;\n"), 98);
}

TEST(files_are_numbered_one_by_one_and_none_is_beyond_its_own_program)
{
	for (size_t i = 0; schema_files[i].name; i++) {
		CHECK_INT(strtol(schema_files[i].name, NULL, 10), i + 1);
		CHECK(reader_needed(schema_files[i].text) <= store_version());
	}
	CHECK(RELEASED <= store_version());
}

UNIT_MAIN
