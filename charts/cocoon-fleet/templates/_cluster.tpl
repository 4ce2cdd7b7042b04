{{- /* What only the cluster knows, asked before anything is changed. `helm template` asks nobody and refuses nothing of it. */ -}}
{{- define "cocoon.checkCluster" -}}
{{- include "cocoon.checkNames" . -}}
{{- include "cocoon.checkOnlyOne" . -}}
{{- if .Values.crds.enabled -}}
{{- range $path, $_ := .Files.Glob "definitions/*.yaml" -}}
{{- include "cocoon.checkOwner" (list $ ($.Files.Get $path | fromYaml).metadata.name) -}}
{{- end -}}
{{- end -}}
{{- include "cocoon.checkSecrets" . -}}
{{- include "cocoon.checkMonitoring" . -}}
{{- end }}
{{- /* Helm's own words name five objects and ask for "CRDs", not for the Prometheus operator. */ -}}
{{- define "cocoon.checkMonitoring" -}}
{{- if and .Values.monitoring.enabled (lookup "v1" "Namespace" "" "kube-system") (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{ fail "monitoring.enabled: this cluster has no kinds of monitoring.coreos.com/v1. Install the Prometheus operator first (kube-prometheus-stack brings it), or set monitoring.enabled: false and scrape the ports yourself; docs/tasks/monitor.md says which." }}
{{- end -}}
{{- end }}
{{- /* Helm's own words for a definition that is another's say neither who that is nor what to do: (list $ NAME). */ -}}
{{- define "cocoon.checkOwner" -}}
{{- $ := index . 0 -}}
{{- $name := index . 1 -}}
{{- with lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name -}}
{{- $owner := .metadata.annotations | default dict -}}
{{- $release := get $owner "meta.helm.sh/release-name" -}}
{{- $namespace := get $owner "meta.helm.sh/release-namespace" -}}
{{- if not (and (eq $release $.Release.Name) (eq $namespace $.Release.Namespace)) -}}
{{- $whose := ternary (printf "belongs to release %s of namespace %s" $release $namespace) "was not installed by Helm" (ne $release "") -}}
{{- $label := printf "kubectl label --overwrite crd %s app.kubernetes.io/managed-by=Helm" $name -}}
{{- $annotate := printf "kubectl annotate --overwrite crd %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s" $name $.Release.Name $.Release.Namespace -}}
{{ fail (printf "crds.enabled: the CustomResourceDefinition %s is there already and %s. Set crds.enabled: false and go on applying it yourself, or hand it to this release: %s && %s" $name $whose $label $annotate) }}
{{- end -}}
{{- end -}}
{{- end }}
{{- /* Two operators would act on the same providers and jobs. Each release has a ClusterRole that says whose it is. */ -}}
{{- define "cocoon.checkOnlyOne" -}}
{{- if not .Values.namespaces -}}
{{- range (lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "").items -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $owner := .metadata.annotations | default dict -}}
{{- $is := and (eq (get $labels "app.kubernetes.io/name") "cocoon-fleet") (eq (get $labels "app.kubernetes.io/component") "operator") -}}
{{- $release := get $owner "meta.helm.sh/release-name" -}}
{{- $namespace := get $owner "meta.helm.sh/release-namespace" -}}
{{- if and $is $release (not (and (eq $release $.Release.Name) (eq $namespace $.Release.Namespace))) -}}
{{ fail (printf "Release %s of namespace %s serves this cluster already, and two operators would act on the same providers and jobs. Upgrade that one (helm upgrade %s -n %s …), uninstall it first, or name the namespaces that each of them serves in its value namespaces." $release $namespace $release $namespace) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
{{- /* A Pod whose Secret is missing waits without a word of why in its logs. */ -}}
{{- define "cocoon.checkSecrets" -}}
{{- $payout := .Values.payout -}}
{{- if and $payout.enabled (lookup "v1" "Namespace" "" "kube-system") -}}
{{- if $payout.wallet.pay -}}
{{- include "cocoon.checkSecret" (list . "payout.wallet" $payout.wallet.existingSecret (list $payout.wallet.key)) -}}
{{- end -}}
{{- with $payout.database.existingSecret -}}
{{- include "cocoon.checkSecret" (list $ "payout.database" . (list $payout.database.key)) -}}
{{- end -}}
{{- with $payout.archiveBucket -}}
{{- if .bucket -}}
{{- include "cocoon.checkSecret" (list $ "payout.archiveBucket" .existingSecret (list .accessKey .secretKey)) -}}
{{- end -}}
{{- end -}}
{{- with $payout.tls.existingSecret -}}
{{- include "cocoon.checkSecret" (list $ "payout.tls" . (list "tls.crt" "tls.key" "ca.crt")) -}}
{{- end -}}
{{- end -}}
{{- end }}
{{- define "cocoon.checkSecret" -}}
{{- $ := index . 0 -}}
{{- $value := index . 1 -}}
{{- $name := index . 2 -}}
{{- $secret := lookup "v1" "Secret" $.Release.Namespace $name -}}
{{- if not $secret -}}
{{ fail (printf "%s.existingSecret: there is no Secret %s in namespace %s. Make it first: kubectl -n %s create secret generic %s --from-file=%s=FILE" $value $name $.Release.Namespace $.Release.Namespace $name (index . 3 | join "=FILE --from-file=")) }}
{{- end -}}
{{- range index . 3 -}}
{{- if not (hasKey ($secret.data | default dict) .) -}}
{{ fail (printf "%s: the Secret %s of namespace %s has no key %s; it has: %s." $value $name $.Release.Namespace . (keys ($secret.data | default dict) | sortAlpha | join ", " | default "none")) }}
{{- end -}}
{{- end -}}
{{- end }}
{{- /* Every name that is made of the release's: what is longer is refused here, for a cut name could be another's. */ -}}
{{- define "cocoon.checkNames" -}}
{{- $name := ternary .Release.Name (printf "%s-cocoon-fleet" .Release.Name) (contains "cocoon-fleet" .Release.Name) -}}
{{- if gt (len $name) 40 -}}
{{ fail (printf "The release's name %s is too long: with what is added to it, names of its objects would have more than the 63 characters that Kubernetes allows. Choose one of at most %d characters." .Release.Name (ternary 40 27 (contains "cocoon-fleet" .Release.Name))) }}
{{- end -}}
{{- end }}
