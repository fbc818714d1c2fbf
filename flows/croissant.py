"""Croissant metadata (version 1.1, http://mlcommons.org/croissant/1.1) of a published data set, and its check by mlcroissant.

One `FileSet` for each part, one `RecordSet` for each configuration, one `Field` for each column; structs are sub-fields, lists
are repeated. Not here: the statistics of columns.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catena.errors import CatenaError, UserError

SPECIFICATION = "http://mlcommons.org/croissant/1.1"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


@dataclass(frozen=True, slots=True)
class Described:
    """What is said of a data set as a whole; `license` is an SPDX id or a URL, `published` a date (2026-11-21)."""

    name: str
    description: str
    url: str
    license: str
    languages: tuple[str, ...]
    cite: str
    version: str
    published: str


def croissant(
    described: Described,
    parts: Mapping[str, str],
    configs: Mapping[str, Sequence[str]],
    schemas: Mapping[str, pa.Schema],
) -> dict[str, Any]:
    """The metadata as JSON-LD.

    Args:
        described: The data set.
        parts: The file pattern of each part, by the part's name.
        configs: The parts of each configuration, by its name.
        schemas: The Arrow schema of each part.
    """
    repository = {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The git repository.",
        "contentUrl": described.url,
        "encodingFormat": "git+https",
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": SPECIFICATION,
        "name": described.name,
        "description": described.description,
        "url": described.url,
        "license": described.license,
        "inLanguage": list(described.languages),
        "citeAs": described.cite,
        "version": described.version,
        "datePublished": described.published,
        "distribution": [repository, *(_file_set(name, pattern) for name, pattern in parts.items())],
        "recordSet": [_record_set(name, own[0], schemas[own[0]]) for name, own in configs.items()],
    }


def check(metadata: Mapping[str, Any]) -> None:
    """Has mlcroissant read the metadata.

    Raises:
        UserError: mlcroissant is not installed.
        CatenaError: It finds an error.
    """
    try:
        import mlcroissant
    except ImportError as error:
        raise UserError(f"publishing needs mlcroissant ({error}); pip install 'catena[hub]'") from error
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        issues = mlcroissant.Dataset(jsonld=dict(metadata)).metadata.ctx.issues
    except mlcroissant.ValidationError as error:
        raise CatenaError(f"croissant.json: mlcroissant does not take it ({error}); please report this") from error
    if issues.errors:
        raise CatenaError(f"croissant.json: mlcroissant finds {'; '.join(sorted(issues.errors))}; please report this")


def _file_set(name: str, pattern: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-{name}",
        "name": f"files-{name}",
        "description": f"The Parquet files of {name}.",
        "containedIn": {"@id": "repo"},
        "encodingFormat": "application/vnd.apache.parquet",
        "includes": pattern,
    }


def _record_set(config: str, part: str, schema: pa.Schema) -> dict[str, Any]:
    fields = [_field(field, config, part, (field.name,)) for field in schema]
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"Rows of {config}.",
        "field": fields,
    }


def _field(field: pa.Field, config: str, part: str, path: tuple[str, ...]) -> dict[str, Any]:
    name = "/".join((config, *path))
    kind, repeated = field.type, pa.types.is_list(field.type)
    kind = kind.value_type if repeated else kind
    made: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name}
    if repeated:
        made |= {"isArray": True, "arrayShape": "-1"}
    extract: dict[str, Any] = {"column": path[0]}
    source = {"fileSet": {"@id": f"files-{part}"}, "extract": extract}
    if pa.types.is_struct(kind):
        made["subField"] = [_field(inner, config, part, (*path, inner.name)) for inner in kind]
    else:
        made["dataType"] = _data_type(kind)
    if len(path) > 1:
        source["transform"] = {"jsonPath": ".".join(path[1:])}
    return {**made, "source": source}


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
