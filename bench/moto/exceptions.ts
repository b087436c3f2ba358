/** Tests of moto that this project is not measured by, with the reason. A name stands for all parameters of a test. */
export interface Exceptions {
  readonly why: string;
  readonly tests: readonly string[];
}

/** The tests ask for what AWS does not do, or for what is not part of Batch. */
export const notApplicable: readonly Exceptions[] = [
  {
    why: 'asks ECS for the cluster of a compute environment, and this edition of LocalStack has no ECS',
    tests: [
      'test_batch/test_batch_compute_envs.py::test_create_managed_compute_environment',
      'test_batch/test_batch_compute_envs.py::test_create_managed_compute_environment_with_tags',
      'test_batch/test_batch_compute_envs.py::test_create_unmanaged_compute_environment',
      'test_batch/test_batch_compute_envs.py::test_create_fargate_managed_compute_environment',
      'test_batch_simple/test_batch_compute_envs.py::test_create_managed_compute_environment',
    ],
  },
  {
    why: 'creates a role with a policy that is no JSON; IAM refuses it, as on AWS',
    tests: [
      'test_batch/test_batch_cloudformation.py::test_create_env_cf',
      'test_batch/test_batch_cloudformation.py::test_create_job_queue_cf',
      'test_batch/test_batch_cloudformation.py::test_create_job_def_cf',
      'test_batch/test_batch_compute_envs.py::test_update_iam_role',
    ],
  },
  {
    why: 'expects a stack to be complete when CreateStack answers; it is created afterwards, as on AWS',
    tests: [
      'test_batch_simple/test_batch_cloudformation.py::test_create_env_cf',
      'test_batch_simple/test_batch_cloudformation.py::test_create_job_queue_cf',
      'test_batch_simple/test_batch_cloudformation.py::test_create_job_def_cf',
    ],
  },
  {
    why: 'deletes what is enabled; AWS wants it disabled first',
    tests: [
      'test_batch/test_batch_compute_envs.py::test_delete_unmanaged_compute_environment',
      'test_batch/test_batch_compute_envs.py::test_delete_managed_compute_environment',
      'test_batch/test_batch_job_queue.py::test_delete_job_queue',
    ],
  },
  {
    why: 'expects another error than ClientException, the only one that AWS documents for a client’s fault',
    tests: [
      'test_batch/test_batch_compute_envs.py::test_create_managed_compute_environment_with_unknown_instance_type',
      'test_batch/test_batch_tags_job.py::test_submit_job_with_tags',
    ],
  },
  {
    why: 'expects “ServiceRole is required” for the type UNMANGED, where the type is what is wrong',
    tests: [
      'test_batch/test_batch_compute_envs.py::test_create_ec2_managed_compute_environment__without_required_params',
    ],
  },
  {
    why: 'creates a queue with a scheduling policy that does not exist',
    tests: ['test_batch/test_batch_job_queue.py::test_create_job_queue'],
  },
  {
    why: 'expects a message of moto’s; ours names the compute environment that does not exist',
    tests: ['test_batch/test_batch_job_queue.py::test_job_queue_bad_arn'],
  },
  {
    why: 'lists jobs in all states without asking for one; AWS documents that only running jobs are listed then',
    tests: [
      'test_batch/test_batch_jobs.py::test_submit_job_array_size',
      'test_batch/test_batch_jobs.py::test_list_jobs',
    ],
  },
  {
    why: 'has a SEQUENTIAL dependency on another job; AWS documents it for the children of an array only',
    tests: [
      'test_batch/test_batch_jobs.py::test_cancel_pending_job',
      'test_batch/test_batch_jobs.py::test_dependencies',
      'test_batch/test_batch_jobs.py::test_failed_dependencies',
    ],
  },
  {
    why: 'expects a log stream with the name of the job; AWS uses the id of the ECS task',
    tests: ['test_batch/test_batch_jobs.py::test_terminate_job'],
  },
  {
    why: 'cancels a job that waits for its start, and expects it to run; AWS cancels it',
    tests: ['test_batch/test_batch_jobs.py::test_cancel_running_job'],
  },
  {
    why: 'expects DescribeJobs to return variables that Batch adds; AWS returns those that the client set',
    tests: ['test_batch/test_batch_jobs.py::test_container_overrides'],
  },
  {
    why: 'describes definitions by names without a revision; AWS documents that they must have one, and finds nothing',
    tests: ['test_batch/test_batch_task_definition.py::test_describe_task_definition'],
  },
  {
    why: 'tests moto’s own server or simulation',
    tests: [
      'test_batch/test_server.py',
      'test_batch/test_batch_jobs.py::test_submit_job_array_size__reset_while_job_is_running',
      'test_batch_simple/test_batch_jobs.py::test_submit_job_by_name',
      'test_batch_simple/test_batch_jobs.py::test_submit_job_array_size',
      'test_batch_simple/test_batch_jobs.py::test_submit_job_fail',
      'test_batch_simple/test_batch_jobs.py::test_submit_job_fail_after_1_secs',
      'test_batch_simple/test_batch_jobs.py::test_submit_job_fail_bad_int',
    ],
  },
];

/** AWS could, and the local cloud says that it cannot. */
export const refusedOnPurpose: readonly Exceptions[] = [
  {
    why: 'jobs on EKS: there is no Kubernetes here',
    tests: [
      'test_batch/test_batch_eks.py::test_register_job_definition_with_eks_properties',
      'test_batch/test_batch_eks.py::test_submit_job_with_eks_properties_override',
      'test_batch/test_batch_eks.py::test_submit_eks_job_without_override',
      'test_batch/test_batch_eks.py::test_eks_job_definition_validation_missing_containers',
      'test_batch/test_batch_eks.py::test_eks_job_definition_defaults',
    ],
  },
  {
    why: 'multi-node parallel jobs: this is one machine',
    tests: ['test_batch/test_batch_jobs.py::test_submit_job_multinode'],
  },
];
