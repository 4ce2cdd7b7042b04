{{- /* An image as it is pulled: (list $ IMAGE). One that names a registry, by a dot or a port before its first slash, keeps it. */ -}}
{{- define "cocoon.image" -}}
{{- $registry := (index . 0).Values.global.imageRegistry -}}
{{- $image := index . 1 -}}
{{- $named := regexMatch "^([^/]*[.:][^/]*|localhost)/" $image -}}
{{- if and $registry (not $named) -}}
{{ trimSuffix "/" $registry }}/{{ $image }}
{{- else -}}
{{ $image }}
{{- end -}}
{{- end }}
{{- /* More of what an administrator gives, on lines of its own: (list THING INDENT). Nothing if there is none. */ -}}
{{- define "cocoon.more" -}}
{{- $indent := index . 1 -}}
{{- with index . 0 }}{{ toYaml . | nindent $indent }}{{ end -}}
{{- end }}
{{- /* The same for text: (list TEXT INDENT). */ -}}
{{- define "cocoon.at" -}}
{{- $indent := index . 1 -}}
{{- with index . 0 | trim }}{{ . | nindent $indent }}{{ end -}}
{{- end }}
{{- /* How a part's process reaches the web: the proxy and the authorities. What the cluster has is never behind a proxy. */ -}}
{{- define "cocoon.webEnv" -}}
{{- $proxy := .Values.proxy -}}
{{- if or $proxy.httpsProxy $proxy.httpProxy }}
{{- with $proxy.httpsProxy }}
- {name: HTTPS_PROXY, value: {{ . | quote }}}
{{- end }}
{{- with $proxy.httpProxy }}
- {name: HTTP_PROXY, value: {{ . | quote }}}
{{- end }}
- {name: NO_PROXY, value: {{ list "$(KUBERNETES_SERVICE_HOST)" "localhost" "127.0.0.1" ".svc" ".cluster.local" $proxy.noProxy | compact | join "," | quote }}}
{{- end }}
{{- if .Values.caBundle.configMap }}
- {name: SSL_CERT_FILE, value: {{ include "cocoon.caFile" . }}}
{{- end -}}
{{- end }}
{{- define "cocoon.caFile" -}}
/etc/cocoon-authorities/{{ .Values.caBundle.key }}
{{- end }}
{{- define "cocoon.caMount" -}}
{{- if .Values.caBundle.configMap }}
- {name: authorities, mountPath: /etc/cocoon-authorities, readOnly: true}
{{- end -}}
{{- end }}
{{- define "cocoon.caVolume" -}}
{{- with .Values.caBundle }}
{{- if .configMap }}
- {name: authorities, configMap: {name: {{ .configMap | quote }}, items: [{key: {{ .key | quote }}, path: {{ .key | quote }}}]}}
{{- end }}
{{- end -}}
{{- end }}
{{- /* The port of an address: (list "https://mirror.example:8443/x"). */ -}}
{{- define "cocoon.portOf" -}}
{{- $address := urlParse . -}}
{{- regexFind ":[0-9]+$" $address.host | trimPrefix ":" | default (ternary "80" "443" (eq $address.scheme "http")) -}}
{{- end }}
{{- /* Ports, as JSON, by which these places of collateral are reached: (list $ PLACES). None for folders. */ -}}
{{- define "cocoon.webPorts" -}}
{{- $ := index . 0 -}}
{{- $ports := list -}}
{{- range index . 1 -}}
{{- if not (hasPrefix "/" .) -}}
{{- if contains "://" . -}}
{{- $ports = append $ports (include "cocoon.portOf" . | int) -}}
{{- else if not $.Values.proxy.httpsProxy -}}
{{- $ports = append $ports 443 -}}
{{- end -}}
{{- range compact (list $.Values.proxy.httpsProxy $.Values.proxy.httpProxy) -}}
{{- $ports = append $ports (include "cocoon.portOf" . | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ $ports | uniq | toJson }}
{{- end }}
{{- /* The same as a rule of a NetworkPolicy, or nothing. */ -}}
{{- define "cocoon.webRule" -}}
{{- with include "cocoon.webPorts" . | fromJsonArray }}
- ports:   # the vendors' word on hardware, through the proxy if there is one
  {{- range . }}
  - {protocol: TCP, port: {{ . | int }}}
  {{- end }}
{{- end -}}
{{- end }}
{{- /* Names: every part that has an address to look up. */ -}}
{{- define "cocoon.dnsRule" -}}
- ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]   # names
  to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
{{- end }}
{{- /* Where its Pods may run: (list $ VALUES SELECTOR), the selector being of those that spread over nodes; none if empty. */ -}}
{{- define "cocoon.placement" -}}
{{- $values := index . 1 -}}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 0 }}
{{- else }}
{{- with index $ 2 }}
topologySpreadConstraints:   # what is on one node falls together
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- . | nindent 6 }}
{{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
