"""A small model to generate from, and the path to the generator, which no wheel contains."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import botocore
import pytest

ROOT = Path(__file__).resolve().parents[2]
# At the end, so that an installed ecr_client precedes the one of the repository.
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

SUMMARY = {"summary": "Do it."}


def text(name: str, minimum: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a string shape; its name only keeps the tables readable."""
    bounds = {} if minimum is None else {"min": minimum}
    return {"type": "string", "documentation": name, **bounds, **more}


def structure(*required: str, **members: str) -> dict[str, Any]:
    """Return a structure shape of members that have the given shapes."""
    return {
        "type": "structure",
        "required": list(required),
        "members": {name: {"shape": shape} for name, shape in members.items()},
    }


def operation(name: str, *errors: str) -> dict[str, Any]:
    """Return an operation, with the shapes that are named after it."""
    return {
        "name": name,
        "http": {"method": "POST", "requestUri": "/"},
        "input": {"shape": f"{name}Request"},
        "output": {"shape": f"{name}Response"},
        "errors": [{"shape": error} for error in errors],
    }


class Sample:
    """The input of the generator for a service of three operations; a test may change any part."""

    def __init__(self) -> None:
        self.operations = {
            "DeleteThings": operation("DeleteThings"),
            "ListThings": operation("ListThings", "ThingNotFoundException", "BadPartException"),
            "PutBlob": operation("PutBlob", "ServerException"),
        }
        self.shapes: dict[str, dict[str, Any]] = {
            "DeleteThingsRequest": structure("thingIds", force="Flag", thingIds="ThingIdList"),
            "DeleteThingsResponse": structure(thingIds="ThingIdList", failures="FailureList"),
            "ListThingsRequest": structure(
                "registry",
                nextToken="Token",
                maxResults="PageSize",
                filter="ThingFilter",
                registry="Registry",
            ),
            "ListThingsResponse": structure(things="ThingList", nextToken="Token", state="State"),
            "PutBlobRequest": structure("blob", blob="Blob", at="Time", codes="CodeList"),
            "PutBlobResponse": structure(
                size="Size", labels="LabelMap", share="Share", owner="ThingId", Key="Token"
            ),
            "ThingFilter": structure(kind="Kind", codes="CodeList"),
            "Thing": structure("id", id="ThingId", kind="Kind", child="Part"),
            "Part": structure(codes="CodeList"),
            "Failure": structure(thingId="ThingId", reason="Token"),
            "ThingId": structure(digest="Digest"),
            "ThingNotFoundException": {**structure(message="Token"), "exception": True},
            "BadPartException": {
                **structure(message="Token", lastByte="Size", uploadId="Token"),
                "exception": True,
            },
            "ServerException": {**structure(Message="Token"), "exception": True, "fault": True},
            "ThingList": {"type": "list", "member": {"shape": "Thing"}},
            "FailureList": {"type": "list", "member": {"shape": "Failure"}},
            "ThingIdList": {"type": "list", "member": {"shape": "ThingId"}, "min": 1, "max": 100},
            "CodeList": {"type": "list", "member": {"shape": "Code"}, "max": 5},
            "LabelMap": {
                "type": "map",
                "key": {"shape": "Token"},
                "value": {"shape": "Token"},
                "max": 50,
            },
            "Code": text("Code", 1, max=9, pattern="[a-z]+"),
            "Digest": text("Digest", pattern=r"sha256:\d+"),
            "Registry": text("Registry", 12, max=12),
            "Token": text("Token"),
            "Kind": text("Kind", enum=["big-one", "SMALL", "MiddleSized"]),
            "State": text("State", enum=["ACTIVE", "GONE"]),
            "PageSize": {"type": "integer", "min": 1, "max": 1000},
            "Size": {"type": "long", "min": 0},
            "Share": {"type": "double"},
            "Flag": {"type": "boolean"},
            "Blob": {"type": "blob", "min": 0, "max": 2048},
            "Time": {"type": "timestamp"},
        }
        self.paginators: dict[str, Any] = {
            "ListThings": {
                "input_token": "nextToken",
                "output_token": "nextToken",
                "result_key": "things",
            }
        }
        self.waiters: dict[str, Any] = {
            "ThingsActive": {
                "operation": "ListThings",
                "delay": 5,
                "maxAttempts": 20,
                "acceptors": [
                    {
                        "state": "success",
                        "matcher": "path",
                        "argument": "state",
                        "expected": "ACTIVE",
                    },
                    {"state": "retry", "matcher": "error", "expected": "ThingNotFoundException"},
                ],
            }
        }
        members = {
            botocore.xform_name(member)
            for shape in self.shapes.values()
            for member in shape.get("members", {})
        }
        paging = {"message", "next_token", "max_results"}
        self.descriptions: dict[str, dict[str, dict[str, str]]] = {
            "operations": {name: dict(SUMMARY) for name in self.operations},
            "errors": {
                name: {"summary": "It went wrong.", "details": "\nTry *again*.\n"}
                for name in ("BadPartException", "ServerException", "ThingNotFoundException")
            },
            "types": {
                "structures": dict.fromkeys(
                    ("Failure", "Part", "Thing", "ThingFilter", "ThingId"), "A thing."
                ),
                "enums": dict.fromkeys(("Kind", "State"), "A kind."),
            },
            "members": {
                "common": dict.fromkeys(sorted(members - paging), "Some words."),
                "common_request": {
                    "next_token": "Previous token.",
                    "max_results": "Maximum number.",
                },
                "common_response": {"next_token": "Next token."},
            },
        }
        self.customizations: dict[str, Any] = {
            "resources": {"blobs": ["PutBlob"], "things": ["ListThings", "DeleteThings"]},
            "repr": {"PutBlobRequest.blob": "show_size"},
            "always_sent": {"PutBlobResponse.size": "cli put-blob"},
            "paginators": {},
            "waiters": {},
            "waiter_states": {"ThingsActive": {"GONE": "retry"}},
            "waiter_summaries": {"ThingsActive": "the things are active"},
            "batches": {"DeleteThings": {"reason": "Many.", "member": "thingIds"}},
        }

    def rename(self, old: str, new: str) -> None:
        """Rename a structure; references to it keep the old name."""
        for table in (self.shapes, self.descriptions["types"]["structures"]):
            table[new] = table.pop(old)

    def remove(self, path: str) -> None:
        """Remove an entry, by the names on its path from the outside."""
        *parents, last = path.split()
        table = vars(self)
        for parent in parents:
            table = table[parent]
        del table[last]

    def resolve(self) -> Any:
        """Return the intermediate representation of the sample as it is now."""
        from botocore.model import ServiceModel

        from codegen.docs import Descriptions
        from codegen.model import Model
        from codegen.resolve import resolve

        service = ServiceModel(
            {"metadata": {}, "operations": self.operations, "shapes": self.shapes}, "sample"
        )
        model = Model(service, self.paginators, self.waiters, "0.0.0", "0" * 64)
        return resolve(model, Descriptions(**self.descriptions), self.customizations)

    def render(self) -> dict[str, str]:
        """Return the generated files for the sample as it is now, not yet formatted."""
        from codegen.render import render

        service = self.resolve()
        assert service.problems == []
        return render(service)


@pytest.fixture
def sample() -> Sample:
    """Return a new copy of the sample for each test."""
    return Sample()


@pytest.fixture(scope="session")
def pinned_model() -> str:
    """Return the botocore version of the generated code; skip if another one is installed."""
    banner = (ROOT / "ecr_client/_generated/operations.py").read_text(encoding="utf-8")
    found = re.search(r"^# Model: ecr of botocore (\S+), SHA-256 [0-9a-f]{64}$", banner, re.M)
    assert found, "the banner names no botocore"
    if botocore.__version__ != found[1]:
        pytest.skip(f"the code is generated from botocore {found[1]}, not {botocore.__version__}")
    return found[1]
