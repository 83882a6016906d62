"""Validates Kubernetes objects (YAML on standard input) strictly against the schemas of a release: validate.py RELEASE. Prints them as JSON, a line each."""

import json
import sys

import kubernetes_validate
import yaml

for document in yaml.safe_load_all(sys.stdin):
    try:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    except kubernetes_validate.ValidationError as error:
        sys.exit(f"{document['kind']} {document['metadata']['name']}: {'.'.join(str(part) for part in error.path)}: {error.message}")
    print(json.dumps(document))
