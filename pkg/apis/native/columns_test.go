// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// cells are what kubectl get shows of an object, besides name and age.
func cells(t *testing.T, kindName string, obj runtime.Object) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, c := range row(t, kindName).Columns {
		if !c.Clusters {
			out[c.Name] = c.Value(obj)
		}
	}
	return out
}

func TestColumns(t *testing.T) {
	d := deployment(func(d *appsv1.Deployment) {
		d.Spec.Replicas = ptr.To[int32](3)
		d.Status = appsv1.DeploymentStatus{ReadyReplicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2}
	})
	ago := metav1.NewTime(time.Now().Add(-90 * time.Second))
	for _, tt := range []struct {
		kind string
		obj  runtime.Object
		want map[string]any
	}{
		{"Deployment", d, map[string]any{"Ready": "2/3", "Up-to-date": int64(1), "Available": int64(2), "Containers": "web", "Images": "nginx", "Selector": "app=web"}},
		{"ReplicaSet", replicaSet(func(r *appsv1.ReplicaSet) {
			r.Spec.Replicas, r.Status = ptr.To[int32](3), appsv1.ReplicaSetStatus{Replicas: 2, ReadyReplicas: 1}
		}), map[string]any{"Desired": int64(3), "Current": int64(2), "Ready": int64(1), "Containers": "web", "Images": "nginx", "Selector": "app=web"}},
		{
			"StatefulSet", statefulSet(func(s *appsv1.StatefulSet) { s.Spec.Replicas, s.Status.ReadyReplicas = ptr.To[int32](3), 2 }),
			map[string]any{"Ready": "2/3", "Containers": "web", "Images": "nginx"},
		},
		{"DaemonSet", daemonSet(func(d *appsv1.DaemonSet) {
			d.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
			d.Status = appsv1.DaemonSetStatus{DesiredNumberScheduled: 5, CurrentNumberScheduled: 4, NumberReady: 3, UpdatedNumberScheduled: 2, NumberAvailable: 1}
		}), map[string]any{
			"Desired": int64(5), "Current": int64(4), "Ready": int64(3), "Up-to-date": int64(2), "Available": int64(1), "Node Selector": "disk=ssd",
			"Containers": "web", "Images": "nginx", "Selector": "app=web",
		}},
		{"ControllerRevision", &appsv1.ControllerRevision{Revision: 2}, map[string]any{"Controller": "<none>", "Revision": int64(2)}},
		{"ControllerRevision", &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "web", Controller: ptr.To(true)},
		}}}, map[string]any{"Controller": "statefulset.apps/web", "Revision": int64(0)}},
		{"CronJob", cronJob("@daily"), map[string]any{
			"Schedule": "@daily", "Timezone": "<none>", "Suspend": "False", "Active": int64(0), "Last Schedule": "<none>", "Containers": "main", "Images": "busybox", "Selector": "<none>",
		}},
		{"CronJob", &batchv1.CronJob{
			Spec:   batchv1.CronJobSpec{Schedule: "@daily", TimeZone: ptr.To("UTC"), Suspend: ptr.To(true)},
			Status: batchv1.CronJobStatus{Active: []corev1.ObjectReference{{}}, LastScheduleTime: &ago},
		}, map[string]any{
			"Schedule": "@daily", "Timezone": "UTC", "Suspend": "True", "Active": int64(1), "Last Schedule": "90s", "Containers": "", "Images": "", "Selector": "<none>",
		}},
		{"HorizontalPodAutoscaler", autoscaler(func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Status.CurrentReplicas = 2 }), map[string]any{
			"Reference": "Deployment/web", "Targets": "cpu: <unknown>/80%", "MinPods": "1", "MaxPods": int64(3), "Replicas": int64(2),
		}},
		{"PodDisruptionBudget", &policyv1.PodDisruptionBudget{
			Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: ptr.To(intstr.FromString("50%"))}, Status: policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: 2},
		}, map[string]any{"Min Available": "50%", "Max Unavailable": "N/A", "Allowed Disruptions": int64(2)}},
		{"NetworkPolicy", &networkingv1.NetworkPolicy{}, map[string]any{"Pod-Selector": "<none>"}},
		{"IngressClass", &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: "a.b/c"}}, map[string]any{"Controller": "a.b/c", "Parameters": "<none>"}},
		{"IngressClass", &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Parameters: &networkingv1.IngressClassParametersReference{
			APIGroup: ptr.To("example.com"), Kind: "Settings", Name: "a",
		}}}, map[string]any{"Controller": "", "Parameters": "Settings.example.com/a"}},
		{"RoleBinding", &rbacv1.RoleBinding{RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "reader"}, Subjects: []rbacv1.Subject{
			{Kind: "User", Name: "jane"}, {Kind: "User", Name: "joe"}, {Kind: "Group", Name: "dev"}, {Kind: "ServiceAccount", Namespace: "default", Name: "bot"},
		}}, map[string]any{"Role": "Role/reader", "Users": "jane, joe", "Groups": "dev", "ServiceAccounts": "default/bot"}},
		{"Service", service(), map[string]any{"Type": "ClusterIP", "Cluster-IP": "<per cluster>", "External-IP": "<none>", "Port(s)": "80/TCP", "Selector": "app=web"}},
		{"Service", service(func(s *corev1.Service) {
			s.Spec.Type, s.Spec.ClusterIP, s.Spec.Ports[0].NodePort = "LoadBalancer", "None", 30000
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}, {Hostname: "a.b"}}
		}), map[string]any{"Type": "LoadBalancer", "Cluster-IP": "None", "External-IP": "1.2.3.4,a.b", "Port(s)": "80:30000/TCP", "Selector": "app=web"}},
		{
			"Service", service(func(s *corev1.Service) { s.Spec.Type = "LoadBalancer"; s.Spec.Ports = nil }),
			map[string]any{"Type": "LoadBalancer", "Cluster-IP": "<per cluster>", "External-IP": "<pending>", "Port(s)": "<none>", "Selector": "app=web"},
		},
		{"Ingress", &networkingv1.Ingress{}, map[string]any{"Class": "<none>", "Hosts": "*", "Address": "", "Ports": "80"}},
		{"Ingress", &networkingv1.Ingress{
			Spec:   networkingv1.IngressSpec{IngressClassName: ptr.To("nginx"), Rules: []networkingv1.IngressRule{{Host: "a.b"}, {Host: "c.d"}}, TLS: []networkingv1.IngressTLS{{}}},
			Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "1.2.3.4"}}}},
		}, map[string]any{"Class": "nginx", "Hosts": "a.b,c.d", "Address": "1.2.3.4", "Ports": "80, 443"}},
		{
			"Event", &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e"}, LastTimestamp: ago, InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Name: "web"}, Message: " m\n"},
			map[string]any{"Last Seen": "90s", "Type": "", "Reason": "", "Object": "deployment/web", "Subobject": "", "Source": "", "Message": "m", "First Seen": "<unknown>", "Count": int64(1), "Name": "e"},
		},
		{"Event", &corev1.Event{Series: &corev1.EventSeries{Count: 7, LastObservedTime: metav1.MicroTime(ago)}}, map[string]any{"Last Seen": "90s", "Type": "", "Reason": "", "Object": "/", "Subobject": "", "Source": "", "Message": "", "First Seen": "<unknown>", "Count": int64(7), "Name": ""}},
		{"Event", &corev1.Event{}, map[string]any{"Last Seen": "<unknown>", "Type": "", "Reason": "", "Object": "/", "Subobject": "", "Source": "", "Message": "", "First Seen": "<unknown>", "Count": int64(1), "Name": ""}},
	} {
		if diff := cmp.Diff(tt.want, cells(t, tt.kind, tt.obj)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.kind, diff)
		}
	}
}

func TestJobColumns(t *testing.T) {
	now := metav1.Now()
	condition := func(names ...batchv1.JobConditionType) (out batchv1.JobStatus) {
		for _, name := range names {
			out.Conditions = append(out.Conditions, batchv1.JobCondition{Type: name, Status: corev1.ConditionTrue})
		}
		return out
	}
	for want, j := range map[string]*batchv1.Job{
		"Running":            {Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionFalse}}}},
		"Complete":           {Status: condition(batchv1.JobSuccessCriteriaMet, batchv1.JobComplete)},
		"Failed":             {Status: condition(batchv1.JobFailureTarget, batchv1.JobFailed), ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}},
		"Terminating":        {Status: condition(batchv1.JobSuspended), ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}},
		"Suspended":          {Status: condition(batchv1.JobSuspended)},
		"FailureTarget":      {Status: condition(batchv1.JobFailureTarget)},
		"SuccessCriteriaMet": {Status: condition(batchv1.JobSuccessCriteriaMet)},
	} {
		if got := jobStatus(j); got != want {
			t.Errorf("status %q, want %q", got, want)
		}
	}
	for want, spec := range map[string]batchv1.JobSpec{
		"1/3": {Completions: ptr.To[int32](3), Parallelism: ptr.To[int32](2)}, "1/1 of 2": {Parallelism: ptr.To[int32](2)}, "1/1": {Parallelism: ptr.To[int32](1)},
	} {
		if got := jobCompletions(&batchv1.Job{Spec: spec, Status: batchv1.JobStatus{Succeeded: 1}}); got != want {
			t.Errorf("completions %q, want %q", got, want)
		}
	}
	start := metav1.NewTime(now.Add(-90 * time.Second))
	end := metav1.NewTime(now.Add(-30 * time.Second))
	for want, status := range map[string]batchv1.JobStatus{"": {}, "90s": {StartTime: &start}, "60s": {StartTime: &start, CompletionTime: &end}} {
		if got := jobDuration(&batchv1.Job{Status: status}); got != want {
			t.Errorf("duration %q, want %q", got, want)
		}
	}
}
