"""The parts of App Mesh's specifications that the builders read, by short names.

For annotations alone: the stubs are installed for development only, so import these names under
TYPE_CHECKING. Where a gateway's part has the same members as a node's, one name stands for both:
typed dictionaries are compared by structure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_appmesh import literals
    from types_boto3_appmesh import type_defs as t

    Duration = t.DurationTypeDef
    PortMapping = t.PortMappingTypeDef
    Logging = t.LoggingOutputTypeDef
    LoggingFormat = t.LoggingFormatOutputTypeDef
    IpPreference = literals.IpPreferenceType
    ServiceDiscovery = t.ServiceDiscoveryOutputTypeDef

    Listener = t.ListenerOutputTypeDef
    GatewayListener = t.VirtualGatewayListenerOutputTypeDef
    ConnectionPool = t.VirtualNodeConnectionPoolTypeDef
    GatewayConnectionPool = t.VirtualGatewayConnectionPoolTypeDef
    HealthCheck = t.HealthCheckPolicyTypeDef
    GatewayHealthCheck = t.VirtualGatewayHealthCheckPolicyTypeDef
    OutlierDetection = t.OutlierDetectionTypeDef

    ListenerTls = t.ListenerTlsOutputTypeDef
    ServerCertificate = t.ListenerTlsCertificateTypeDef
    ClientCertificate = t.ClientTlsCertificateTypeDef
    ServerTrust = t.ListenerTlsValidationContextTrustTypeDef
    ClientTrust = t.TlsValidationContextTrustOutputTypeDef
    ServerValidation = t.ListenerTlsValidationContextOutputTypeDef
    ClientValidation = t.TlsValidationContextOutputTypeDef
    ClientPolicyTls = t.ClientPolicyTlsOutputTypeDef
    Backend = t.VirtualServiceBackendOutputTypeDef
    BackendDefaults = t.BackendDefaultsOutputTypeDef

    WeightedTargetSpec = t.WeightedTargetTypeDef
    HttpTimeout = t.HttpTimeoutTypeDef
    TcpTimeout = t.TcpTimeoutTypeDef
    RetryPolicy = t.HttpRetryPolicyOutputTypeDef
    HttpRoute = t.HttpRouteOutputTypeDef
    GrpcRoute = t.GrpcRouteOutputTypeDef

    HttpMatch = t.HttpRouteMatchOutputTypeDef
    HttpGatewayMatch = t.HttpGatewayRouteMatchOutputTypeDef
    GrpcMatch = t.GrpcRouteMatchOutputTypeDef
    GrpcGatewayMatch = t.GrpcGatewayRouteMatchOutputTypeDef
    HeaderMatch = t.HttpRouteHeaderTypeDef
    QueryParameter = t.HttpQueryParameterTypeDef
    HostnameMatch = t.GatewayRouteHostnameMatchTypeDef
    HostnameRewrite = t.GatewayRouteHostnameRewriteTypeDef
    HttpRewrite = t.HttpGatewayRouteRewriteTypeDef
