"""Has SAM's own code make plain CloudFormation of the template, as CloudFormation has it done when the stack is deployed.

Run it with a Python in which aws-sam-cli is installed:  transform.py TEMPLATE RESULT
It needs no network: the template uses none of SAM's managed policies, whose names would have to be looked up.
"""

import json
import logging
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    def load(self):
        return {}


def main(template: str, result: str) -> None:
    logging.disable(logging.WARNING)
    document = yaml_parse(Path(template).read_text())
    for resource in document["Resources"].values():
        # Where `sam build` puts what it built is not known before it is built; the folder stands for it.
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = f"s3://built/{properties['CodeUri']}"
    made = transform(document, {}, NoManagedPolicies())
    Path(result).write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
