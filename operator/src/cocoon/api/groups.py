"""Names that the API server, the chart and the code must agree on."""

from __future__ import annotations

from typing import Final

GROUP: Final = "cocoonfleet.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

PROVIDER_KIND: Final = "CocoonProvider"
JOB_KIND: Final = "InferenceJob"
PROVIDERS: Final = "cocoonproviders"
JOBS: Final = "inferencejobs"

PROVIDER_LABEL: Final = f"{GROUP}/provider"
MODEL_LABEL: Final = f"{GROUP}/model"
SERVER_LABEL: Final = f"{GROUP}/server"
MANAGED_BY: Final = "cocoon-fleet"

#: What a server Pod's spec was made from; a different value means that the server is outdated.
TEMPLATE_ANNOTATION: Final = f"{GROUP}/template"
#: The readiness gate: true while the operator holds a fresh verdict that trusts the server.
ATTESTED_CONDITION: Final = f"{GROUP}/Attested"
#: True from the moment a server gets no more jobs because it is about to be retired.
RETIRING_CONDITION: Final = f"{GROUP}/Retiring"
FINALIZER: Final = f"{GROUP}/servers"
FIELD_MANAGER: Final = "cocoon-fleet"
