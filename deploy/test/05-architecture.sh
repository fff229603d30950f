#!/bin/bash
# The rules of the house: which part may import which, no cycles, sizes and names, types and style, and documents that say what the code says.
. "$(dirname "$0")/lib.sh"

begin architecture
product_test launcher/src/tidy.test.ts launcher/src/documents.test.ts launcher/src/configuration-document.test.ts launcher/src/observability-files.test.ts
finish
