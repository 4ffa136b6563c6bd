/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "codec/tenant.h"

TEST(a_number_has_two_names_and_nothing_else_has)
{
	CHECK_STR(tenant_id(STR("1")), "1");
	CHECK_STR(tenant_id(STR("business_1")), "1");
	CHECK_STR(tenant_id(STR("business_")), "business_");
	CHECK_STR(tenant_id(STR("business_x")), "business_x");
	CHECK_STR(tenant_id(STR("business_1_2")), "business_1_2");
	CHECK_STR(tenant_id(STR("Business_1")), "Business_1");
	CHECK(!tenant_id((struct str){NULL, 0}).p);
}

TEST(an_id_is_1_to_64_of_the_letters_of_keys)
{
	char many[TENANT_ID_MAX + 1];

	memset(many, 'a', sizeof(many));
	CHECK(tenant_is_id((struct str){many, TENANT_ID_MAX}));
	CHECK(!tenant_is_id((struct str){many, TENANT_ID_MAX + 1}));
	CHECK(tenant_is_id(STR("aZ0_-")));
	CHECK(!tenant_is_id(STR("")) && !tenant_is_id(STR("a b")) &&
		!tenant_is_id(STR("a:b")));
	CHECK(!tenant_is_id(STR("\xc3\xa9")) && !tenant_is_id(STR("a\0")));
}

UNIT_MAIN
