/* Makes the certificates of test_certificates.h in a folder. Usage: certificates FOLDER */
#include "test_certificates.h"

int main(int argc, char **argv)
{
    return argc == 2 && test_certificates_make(argv[1]) ? 0 : 1;
}
