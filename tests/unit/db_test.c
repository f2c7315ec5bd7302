/* A database in memory: what is written is read, watched and undone. */
#include "test.h"
#include "test_db.h"

#include <stdlib.h>
#include <string.h>

TEST(what_is_written_is_read)
{
    test_db t;
    mt_handle *ada = NULL;
    mt_field name = {.state = 0};

    test_db_memory(&t);
    test_set(t.db, "ada", "name", mt_text("Ada"));
    CHECK(mt_read_wait(t.db, mt_str("ada"), NULL, &ada) == MT_OK);
    CHECK(ada && mt_handle_get(ada, mt_str("name"), &name) == MT_OK);
    CHECK(mt_bytes_equal(name.value.as.bytes, mt_str("Ada")));
    mt_handle_unref(ada);
    test_db_end(&t);
}

TEST(missing_node_is_null_and_no_error)
{
    test_db t;
    mt_handle *nobody = (mt_handle *)&t;

    test_db_memory(&t);
    CHECK(mt_read_wait(t.db, mt_str("nobody"), NULL, &nobody) == MT_OK);
    CHECK(nobody == NULL);
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(missing_node_is_null_and_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
