/* setjmp.h - test.h includes it for cmocka, and what stands in for that does without. */
